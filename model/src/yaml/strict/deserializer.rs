//! A deserializer over a tree that knows where it is.

use std::slice;

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::{Map, Value, map};

use super::fault::Fault;

/// A value and how it was reached.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    value: &'a Value,
    path: Path<'a>,
}

/// A pointer as a chain of borrowed steps: it costs nothing until something is wrong.
#[derive(Clone, Copy)]
enum Path<'a> {
    Root,
    Key(&'a Path<'a>, &'a str),
    Item(&'a Path<'a>, usize),
}

impl Path<'_> {
    fn pointer(&self) -> String {
        match self {
            Self::Root => String::new(),
            Self::Key(parent, key) => {
                format!(
                    "{}/{}",
                    parent.pointer(),
                    key.replace('~', "~0").replace('/', "~1")
                )
            }
            Self::Item(parent, index) => format!("{}/{index}", parent.pointer()),
        }
    }

    /// Gives a fault that has no place yet this one.
    fn locate<T>(&self, result: Result<T, Fault>) -> Result<T, Fault> {
        result.map_err(|mut fault| {
            fault.pointer.get_or_insert_with(|| self.pointer());
            fault
        })
    }
}

impl<'a> At<'a> {
    pub(super) fn root(value: &'a Value) -> Self {
        Self {
            value,
            path: Path::Root,
        }
    }
}

impl<'de> Deserializer<'de> for At<'_> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let result = match self.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(flag) => visitor.visit_bool(*flag),
            Value::String(text) => visitor.visit_str(text),
            Value::Array(items) => visitor.visit_seq(Items {
                items: items.iter(),
                next: 0,
                path: &self.path,
            }),
            Value::Object(fields) => visitor.visit_map(Fields::new(fields, &self.path)),
            Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(number), ..) => visitor.visit_u64(number),
                (_, Some(number), _) => visitor.visit_i64(number),
                (.., Some(number)) => visitor.visit_f64(number),
                _ => Err(Fault::custom("this number is out of range")),
            },
        };
        self.path.locate(result)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
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
    ) -> Result<V::Value, Fault> {
        let path = self.path;
        path.locate(visitor.visit_newtype_struct(self))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let path = self.path;
        let result = match self.value {
            Value::String(word) => visitor.visit_enum(Variant {
                word,
                content: None,
                path: &path,
            }),
            Value::Object(fields) => match only_field(fields) {
                Some((word, content)) => visitor.visit_enum(Variant {
                    word,
                    content: Some(content),
                    path: &path,
                }),
                None => Err(Fault::invalid_type(
                    Unexpected::Map,
                    &"a mapping with one key",
                )),
            },
            _ => self.deserialize_any(visitor),
        };
        path.locate(result)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

fn only_field(fields: &Map<String, Value>) -> Option<(&String, &Value)> {
    let mut fields = fields.iter();
    fields.next().filter(|_| fields.next().is_none())
}

struct Items<'a> {
    items: slice::Iter<'a, Value>,
    next: usize,
    path: &'a Path<'a>,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        let Some(value) = self.items.next() else {
            return Ok(None);
        };
        let path = Path::Item(self.path, self.next);
        self.next += 1;
        path.locate(seed.deserialize(At { value, path })).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

struct Fields<'a> {
    fields: map::Iter<'a>,
    current: Option<(&'a str, &'a Value)>,
    path: &'a Path<'a>,
}

impl<'a> Fields<'a> {
    fn new(fields: &'a Map<String, Value>, path: &'a Path<'a>) -> Self {
        Self {
            fields: fields.iter(),
            current: None,
            path,
        }
    }
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        let Some((key, value)) = self.fields.next() else {
            return Ok(None);
        };
        self.current = Some((key, value));
        let name: StrDeserializer<'_, Fault> = key.as_str().into_deserializer();
        Path::Key(self.path, key)
            .locate(seed.deserialize(name))
            .map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Fault> {
        let (key, value) = self
            .current
            .take()
            .ok_or_else(|| Fault::custom("a value without a key was asked for"))?;
        let path = Path::Key(self.path, key);
        path.locate(seed.deserialize(At { value, path }))
    }
}

struct Variant<'a> {
    word: &'a str,
    content: Option<&'a Value>,
    path: &'a Path<'a>,
}

impl<'de, 'a> EnumAccess<'de> for Variant<'a> {
    type Error = Fault;
    type Variant = Content<'a>;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Self::Variant), Fault> {
        let word: StrDeserializer<'_, Fault> = self.word.into_deserializer();
        let variant = self.path.locate(seed.deserialize(word))?;
        Ok((
            variant,
            Content {
                word: self.word,
                content: self.content,
                path: self.path,
            },
        ))
    }
}

struct Content<'a> {
    word: &'a str,
    content: Option<&'a Value>,
    path: &'a Path<'a>,
}

impl Content<'_> {
    fn visit<T>(self, read: impl FnOnce(At<'_>) -> Result<T, Fault>) -> Result<T, Fault> {
        let path = Path::Key(self.path, self.word);
        match self.content {
            Some(value) => path.locate(read(At { value, path })),
            None => Err(Fault::custom(format!("`{}` needs a value", self.word))),
        }
    }
}

impl<'de> VariantAccess<'de> for Content<'_> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        match self.content {
            None | Some(Value::Null) => Ok(()),
            Some(_) => Err(Fault::custom(format!("`{}` takes no value", self.word))),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Fault> {
        self.visit(|at| seed.deserialize(at))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, Fault> {
        self.visit(|at| at.deserialize_any(visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.visit(|at| at.deserialize_any(visitor))
    }
}
