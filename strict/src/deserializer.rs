//! A deserializer for a JSON tree that tracks the path of each value.

use std::cell::RefCell;

use serde::de::{Deserializer, Error as _, Unexpected, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::{Map, Number, Value};

use crate::FieldError;
use crate::access::{Fields, Items, Variant};
use crate::error::Error;
use crate::pointer::Path;

/// Collects unknown fields; `None` where the type itself decides about them.
pub(super) type Unknown<'a> = Option<&'a RefCell<Vec<FieldError>>>;

/// A value and its path.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) value: &'a Value,
    pub(super) path: Path<'a>,
    pub(super) unknown: Unknown<'a>,
}

/// Adds this path to an error, unless it has one already.
pub(super) fn locate<T>(path: &Path<'_>, result: Result<T, Error>) -> Result<T, Error> {
    result.map_err(|mut error| {
        error.pointer.get_or_insert_with(|| path.pointer());
        error
    })
}

impl<'a> At<'a> {
    pub(super) fn root(value: &'a Value, unknown: Unknown<'a>) -> Self {
        Self {
            value,
            path: Path::Root,
            unknown,
        }
    }
}

impl At<'_> {
    /// Returns the error that the value has another type.
    fn is_not(&self, expected: &str) -> Error {
        let mut error = Error::wrong(kind(self.value), expected);
        error.pointer = Some(self.path.pointer());
        error
    }
}

/// Deserializes a whole number of one type, with its bounds in the error.
macro_rules! whole_numbers {
    ($($method:ident $type:ty => $visit:ident,)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            let number = self.value.as_number().and_then(Number::as_i128).and_then(|number| <$type>::try_from(number).ok());
            let number = number.ok_or_else(|| {
                self.is_not(&format!("a whole number from {} to {}", <$type>::MIN, <$type>::MAX))
            })?;
            locate(&self.path, visitor.$visit(number))
        }
    )*};
}

impl<'de> Deserializer<'de> for At<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Array(_) => self.deserialize_seq(visitor),
            Value::Object(_) => self.deserialize_map(visitor),
            scalar => locate(&self.path, visit_scalar(scalar, visitor)),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let items = self.value.as_array().ok_or_else(|| self.is_not("a list"))?;
        let items = Items {
            items: items.iter(),
            next: 0,
            path: &self.path,
            unknown: self.unknown,
        };
        locate(&self.path, visitor.visit_seq(items))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_struct("", &[], visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let fields = self
            .value
            .as_object()
            .ok_or_else(|| self.is_not("a mapping"))?;
        let fields = Fields::new(fields, known, &self.path, self.unknown);
        locate(&self.path, visitor.visit_map(fields))
    }

    /// Accepts any number of items: the type checks it.
    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _length: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _length: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let text = match self.value {
            Value::String(text) => text,
            Value::Bool(_) | Value::Number(_) => return Err(self.is_not("a string in quotes")),
            _ => return Err(self.is_not("a string")),
        };
        locate(&self.path, visitor.visit_str(text))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let flag = self
            .value
            .as_bool()
            .ok_or_else(|| self.is_not("`true` or `false`"))?;
        locate(&self.path, visitor.visit_bool(flag))
    }

    whole_numbers! {
        deserialize_i8 i8 => visit_i8,
        deserialize_i16 i16 => visit_i16,
        deserialize_i32 i32 => visit_i32,
        deserialize_i64 i64 => visit_i64,
        deserialize_u8 u8 => visit_u8,
        deserialize_u16 u16 => visit_u16,
        deserialize_u32 u32 => visit_u32,
        deserialize_u64 u64 => visit_u64,
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let number = self.value.as_f64().ok_or_else(|| self.is_not("a number"))?;
        locate(&self.path, visitor.visit_f64(number))
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.value.is_null() {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        let path = self.path;
        locate(&path, visitor.visit_newtype_struct(self))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let path = &self.path;
        let (word, content) = match self.value {
            Value::String(word) => (word, None),
            Value::Object(fields) => only_field(fields)
                .map(|(word, content)| (word, Some(content)))
                .ok_or_else(|| self.is_not("a mapping with just one key"))?,
            _ => return locate(path, Err(Error::no_word(kind(self.value), variants))),
        };
        locate(
            path,
            visitor.visit_enum(Variant {
                word,
                content,
                path,
                unknown: self.unknown,
            }),
        )
    }

    forward_to_deserialize_any! {
        i128 u128 char bytes byte_buf unit unit_struct identifier ignored_any
    }
}

fn visit_scalar<'de, V: Visitor<'de>>(scalar: &Value, visitor: V) -> Result<V::Value, Error> {
    match scalar {
        Value::Bool(flag) => visitor.visit_bool(*flag),
        Value::String(text) => visitor.visit_str(text),
        Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
            (Some(number), ..) => visitor.visit_u64(number),
            (_, Some(number), _) => visitor.visit_i64(number),
            (.., Some(number)) => visitor.visit_f64(number),
            _ => Err(Error::custom("this number is out of range")),
        },
        Value::Null | Value::Array(_) | Value::Object(_) => visitor.visit_unit(),
    }
}

/// Returns the type of a value in serde's terms.
fn kind(value: &Value) -> Unexpected<'_> {
    match value {
        Value::Null => Unexpected::Unit,
        Value::Bool(flag) => Unexpected::Bool(*flag),
        Value::String(text) => Unexpected::Str(text),
        Value::Array(_) => Unexpected::Seq,
        Value::Object(_) => Unexpected::Map,
        Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => Unexpected::Unsigned(number),
            (_, Some(number)) => Unexpected::Signed(number),
            _ => Unexpected::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
    }
}

fn only_field(fields: &Map<String, Value>) -> Option<(&String, &Value)> {
    let mut fields = fields.iter();
    fields.next().filter(|_| fields.next().is_none())
}
