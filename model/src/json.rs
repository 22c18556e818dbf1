//! JSON trees that take little memory: what objects of a cluster are read into.
//!
//! A tree of `serde_json` takes up to a hundred times the bytes of its text, because a map with one entry
//! has room for eleven. Here a value takes 24 bytes and an entry of a map 48, texts of up to 24 bytes
//! included, and lists and maps are exactly as long as they must be. [`Builder`] counts the bytes while it
//! reads a text, and stops at a limit.

mod build;
mod convert;
mod map;

use std::{fmt, io};

use compact_str::CompactString;
use serde_json::Number;

pub use build::{Builder, TreeSeed};
pub use map::Map;

/// A JSON value.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// `null`.
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A text.
    String(CompactString),
    /// A list.
    Array(Box<[Self]>),
    /// An object.
    Object(Map),
}

/// The `null` that stands for what is absent.
const ABSENT: &Value = &Value::Null;

impl Value {
    /// Whether it is `null`.
    #[must_use]
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Returns the text; `None` if it is none.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the number; `None` if it is no whole number of 64 bits.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Number(number) => number.as_i64(),
            _ => None,
        }
    }

    /// Returns the items; `None` if it is no list.
    #[must_use]
    pub const fn as_array(&self) -> Option<&[Self]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    /// As [`as_array`](Self::as_array).
    #[must_use]
    pub const fn as_array_mut(&mut self) -> Option<&mut [Self]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    /// Returns the entries; `None` if it is no object.
    #[must_use]
    pub const fn as_object(&self) -> Option<&Map> {
        match self {
            Self::Object(map) => Some(map),
            _ => None,
        }
    }

    /// As [`as_object`](Self::as_object).
    #[must_use]
    pub const fn as_object_mut(&mut self) -> Option<&mut Map> {
        match self {
            Self::Object(map) => Some(map),
            _ => None,
        }
    }

    /// Returns the value of a field; `None` if there is none, or this is no object.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_object()?.get(key)
    }

    /// As [`get`](Self::get).
    #[must_use]
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Self> {
        self.as_object_mut()?.get_mut(key)
    }

    /// Returns the value of a field, and `null` where there is none.
    #[must_use]
    pub fn field(&self, key: &str) -> &Self {
        self.get(key).unwrap_or(ABSENT)
    }

    /// Returns the value at an RFC 6901 pointer; the empty pointer is the whole tree.
    #[must_use]
    pub fn pointer(&self, pointer: &str) -> Option<&Self> {
        steps(pointer)?.try_fold(self, |value, step| match value {
            Self::Object(map) => map.get(&step),
            Self::Array(items) => items.get(index(&step)?),
            _ => None,
        })
    }

    /// As [`pointer`](Self::pointer).
    #[must_use]
    pub fn pointer_mut(&mut self, pointer: &str) -> Option<&mut Self> {
        steps(pointer)?.try_fold(self, |value, step| match value {
            Self::Object(map) => map.get_mut(&step),
            Self::Array(items) => items.get_mut(index(&step)?),
            _ => None,
        })
    }

    /// Returns the bytes of memory that the tree takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let inside: usize = match self {
            Self::Null | Self::Bool(_) | Self::Number(_) => 0,
            Self::String(text) => bytes_outside(text),
            Self::Array(items) => items.iter().map(Self::bytes).sum(),
            Self::Object(map) => map.bytes(),
        };
        size_of::<Self>() + inside
    }

    /// Returns the value, and leaves `null` in its place.
    #[must_use]
    pub const fn take(&mut self) -> Self {
        std::mem::replace(self, Self::Null)
    }
}

/// Returns the bytes of a text that is not kept in place.
fn bytes_outside(text: &CompactString) -> usize {
    if text.is_heap_allocated() {
        text.len()
    } else {
        0
    }
}

/// Returns the steps of a pointer; `None` if it is none.
fn steps(pointer: &str) -> Option<impl Iterator<Item = String>> {
    let steps = pointer.strip_prefix('/');
    if steps.is_none() && !pointer.is_empty() {
        return None;
    }
    let unescape = |step: &str| step.replace("~1", "/").replace("~0", "~");
    Some(
        steps
            .into_iter()
            .flat_map(|steps| steps.split('/'))
            .map(unescape),
    )
}

fn index(step: &str) -> Option<usize> {
    let plain = !step.starts_with('+') && (step == "0" || !step.starts_with('0'));
    plain.then(|| step.parse().ok()).flatten()
}

/// Writes it as compact JSON.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        serde_json::to_writer(Writer(f), self).map_err(|_| fmt::Error)
    }
}

/// Takes the bytes that `serde_json` writes, each time whole characters.
struct Writer<'w, 'f>(&'w mut fmt::Formatter<'f>);

impl io::Write for Writer<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = std::str::from_utf8(bytes).map_err(io::Error::other)?;
        self.0.write_str(text).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
