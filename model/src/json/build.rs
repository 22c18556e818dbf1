//! Reads JSON into trees, and counts the memory that they take.

use std::fmt;

use compact_str::CompactString;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Number;

use super::{Map, Value};

/// A text of up to this many bytes is part of its value.
const INLINE: usize = 24;
/// What an allocator adds to a piece of memory, at most.
const OVERHEAD: usize = 16;

const VALUE: usize = size_of::<Value>();
const ENTRY: usize = size_of::<(CompactString, Value)>();

/// Builds trees within a limit of memory. Several trees may share one builder, and its limit.
#[derive(Debug)]
pub struct Builder {
    used: usize,
    peak: usize,
    most: usize,
    /// The items of the lists that are not complete yet, those of the innermost list last. A complete
    /// list is moved into memory of exactly its length.
    items: Vec<Value>,
    /// As `items`, for objects.
    entries: Vec<(CompactString, Value)>,
    exceeded: bool,
}

/// Deserializes one tree.
pub struct TreeSeed<'b> {
    builder: &'b mut Builder,
    layer: Layer,
}

/// Where a value stands.
#[derive(Clone, Copy)]
enum Layer {
    /// At the root of an object of the API.
    Object,
    /// At `/metadata` of such an object.
    Metadata,
    Elsewhere,
}

impl Builder {
    /// Creates a builder whose trees, and what they need while they are built, take up to `most` bytes.
    #[must_use]
    pub const fn new(most: usize) -> Self {
        Self {
            used: 0,
            peak: 0,
            most,
            items: Vec::new(),
            entries: Vec::new(),
            exceeded: false,
        }
    }

    /// Returns the seed for a tree of everything.
    pub const fn tree(&mut self) -> TreeSeed<'_> {
        TreeSeed {
            builder: self,
            layer: Layer::Elsewhere,
        }
    }

    /// Returns the seed for a tree of an object of the API without `metadata.managedFields`: no policy is
    /// shown those (see `json` in `wit/types.wit`), and they are often half of what the API server sends.
    pub const fn object(&mut self) -> TreeSeed<'_> {
        TreeSeed {
            builder: self,
            layer: Layer::Object,
        }
    }

    /// Counts bytes that will be allocated because of the trees. Returns whether there is room for them.
    #[must_use]
    pub const fn reserve(&mut self, bytes: usize) -> bool {
        self.used = self.used.saturating_add(bytes);
        if self.used > self.peak {
            self.peak = self.used;
        }
        if self.used > self.most {
            self.exceeded = true;
        }
        !self.exceeded
    }

    /// Frees what only an incomplete tree needs.
    pub fn finish(&mut self) {
        self.release(self.items.capacity() * VALUE + self.entries.capacity() * ENTRY);
        self.items = Vec::new();
        self.entries = Vec::new();
    }

    /// Returns the bytes that the trees take, with what is needed to build them.
    #[must_use]
    pub const fn used(&self) -> usize {
        self.used
    }

    /// Returns the most bytes that were used at one time.
    #[must_use]
    pub const fn peak(&self) -> usize {
        self.peak
    }

    /// Whether a tree was not built because of the limit.
    #[must_use]
    pub const fn is_exceeded(&self) -> bool {
        self.exceeded
    }

    fn allocate<E: Error>(&mut self, bytes: usize) -> Result<(), E> {
        if self.reserve(bytes) {
            return Ok(());
        }
        Err(E::custom(format_args!(
            "its values take more than the {} bytes of memory that there are for a text of this length",
            self.most
        )))
    }

    const fn release(&mut self, bytes: usize) {
        self.used = self.used.saturating_sub(bytes);
    }

    fn text<E: Error>(&mut self, text: &str) -> Result<CompactString, E> {
        if text.len() > INLINE {
            self.allocate(text.len() + OVERHEAD)?;
        }
        Ok(CompactString::from(text))
    }

    fn push_item<E: Error>(&mut self, value: Value) -> Result<(), E> {
        if self.items.len() == self.items.capacity() {
            let (old, new) = grown(self.items.capacity());
            // Both are there while one is copied into the other.
            self.allocate(new * VALUE)?;
            self.items.reserve_exact(new - old);
            self.release(old * VALUE);
        }
        self.items.push(value);
        Ok(())
    }

    fn push_entry<E: Error>(&mut self, key: CompactString, value: Value) -> Result<(), E> {
        if self.entries.len() == self.entries.capacity() {
            let (old, new) = grown(self.entries.capacity());
            self.allocate(new * ENTRY)?;
            self.entries.reserve_exact(new - old);
            self.release(old * ENTRY);
        }
        self.entries.push((key, value));
        Ok(())
    }

    fn list<E: Error>(&mut self, from: usize) -> Result<Value, E> {
        let length = self.items.len() - from;
        if length > 0 {
            self.allocate(length * VALUE + OVERHEAD)?;
        }
        let mut items = Vec::with_capacity(length);
        items.extend(self.items.drain(from..));
        Ok(Value::Array(items.into_boxed_slice()))
    }

    fn map<E: Error>(&mut self, from: usize) -> Result<Value, E> {
        let length = self.entries.len() - from;
        if length > 0 {
            self.allocate(length * ENTRY + OVERHEAD)?;
        }
        let mut entries = Vec::with_capacity(length);
        entries.extend(self.entries.drain(from..));
        Ok(Value::Object(Map::of(entries)))
    }
}

/// Returns a capacity, and what it grows to: quickly while it is small, and by a quarter when it is not.
const fn grown(capacity: usize) -> (usize, usize) {
    const SMALL: usize = 4096;
    let more = if capacity < SMALL {
        capacity
    } else {
        capacity / 4
    };
    (capacity, capacity + if more < 64 { 64 } else { more })
}

impl<'de> DeserializeSeed<'de> for TreeSeed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for TreeSeed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.layer {
            Layer::Object => "an object of the API",
            Layer::Metadata => "the metadata of an object",
            Layer::Elsewhere => "a JSON value",
        })
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Value, E> {
        self.scalar(Value::Bool(flag))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Value, E> {
        self.scalar(Value::Number(number.into()))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
        self.scalar(Value::Number(number.into()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Value, E> {
        let number = Number::from_f64(number).map_or(Value::Null, Value::Number);
        self.scalar(number)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        match self.layer {
            Layer::Elsewhere => self.builder.text(text).map(Value::String),
            _ => Err(E::invalid_type(serde::de::Unexpected::Str(text), &self)),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        if !matches!(self.layer, Layer::Elsewhere) {
            return Err(A::Error::invalid_type(serde::de::Unexpected::Seq, &self));
        }
        let builder = self.builder;
        let from = builder.items.len();
        while let Some(item) = items.next_element_seed(builder.tree())? {
            builder.push_item(item)?;
        }
        builder.list(from)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let Self { builder, layer } = self;
        let from = builder.entries.len();
        while let Some(key) = fields.next_key_seed(Key(builder))? {
            let layer = match (layer, key.as_str()) {
                (Layer::Metadata, "managedFields") => {
                    fields.next_value::<IgnoredAny>()?;
                    continue;
                }
                (Layer::Object, "metadata") => Layer::Metadata,
                _ => Layer::Elsewhere,
            };
            let value = fields.next_value_seed(TreeSeed { builder, layer })?;
            builder.push_entry(key, value)?;
        }
        builder.map(from)
    }
}

impl TreeSeed<'_> {
    fn scalar<E: Error>(self, value: Value) -> Result<Value, E> {
        match self.layer {
            Layer::Elsewhere => Ok(value),
            _ => Err(E::invalid_type(unexpected(&value), &self)),
        }
    }
}

fn unexpected(scalar: &Value) -> serde::de::Unexpected<'_> {
    use serde::de::Unexpected;
    match scalar {
        Value::Bool(flag) => Unexpected::Bool(*flag),
        Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
            (Some(number), ..) => Unexpected::Unsigned(number),
            (_, Some(number), _) => Unexpected::Signed(number),
            (.., Some(number)) => Unexpected::Float(number),
            _ => Unexpected::Other("a number"),
        },
        _ => Unexpected::Unit,
    }
}

/// A key of an object.
struct Key<'b>(&'b mut Builder);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = CompactString;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<CompactString, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = CompactString;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<CompactString, E> {
        self.0.text(text)
    }
}
