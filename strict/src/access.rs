//! Access to the content of lists, mappings and enums.

use std::slice;

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error as _, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};
use serde_json::{Map, Value, map};

use crate::FieldError;
use crate::deserializer::{At, Unknown, locate};
use crate::error::{Error, FieldProblem};
use crate::pointer::Path;

pub(super) struct Items<'a> {
    pub(super) items: slice::Iter<'a, Value>,
    pub(super) next: usize,
    pub(super) path: &'a Path<'a>,
    pub(super) unknown: Unknown<'a>,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        let Some(value) = self.items.next() else {
            return Ok(None);
        };
        let path = Path::Index(self.path, self.next);
        self.next += 1;
        let unknown = self.unknown;
        let at = At {
            value,
            path,
            unknown,
        };
        locate(&path, seed.deserialize(at)).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

pub(super) struct Fields<'a> {
    fields: map::Iter<'a>,
    /// The fields of the type; empty where it accepts any, or reports unknown ones itself.
    known: &'static [&'static str],
    current: Option<(&'a str, &'a Value)>,
    path: &'a Path<'a>,
    unknown: Unknown<'a>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(
        fields: &'a Map<String, Value>,
        known: &'static [&'static str],
        path: &'a Path<'a>,
        unknown: Unknown<'a>,
    ) -> Self {
        Self {
            fields: fields.iter(),
            known,
            current: None,
            path,
            unknown,
        }
    }

    /// Returns the next field that the type has, and collects the unknown ones before it.
    fn next_known(&mut self) -> Option<(&'a String, &'a Value)> {
        let (known, path) = (self.known, self.path);
        let Some(unknown) = self.unknown.filter(|_| !known.is_empty()) else {
            return self.fields.next();
        };
        self.fields.find(|(field, _)| {
            let is_known = known.contains(&field.as_str());
            if !is_known {
                unknown.borrow_mut().push(FieldError {
                    problem: FieldProblem::UnknownField {
                        field: (*field).clone(),
                        known,
                    },
                    pointer: Path::Key(path, field).pointer(),
                });
            }
            is_known
        })
    }
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        let Some((key, value)) = self.next_known() else {
            return Ok(None);
        };
        self.current = Some((key, value));
        let name: StrDeserializer<'_, Error> = key.as_str().into_deserializer();
        locate(&Path::Key(self.path, key), seed.deserialize(name)).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Error> {
        let (key, value) = self
            .current
            .take()
            .ok_or_else(|| Error::custom("a value was requested before its key"))?;
        let path = Path::Key(self.path, key);
        let unknown = self.unknown;
        let at = At {
            value,
            path,
            unknown,
        };
        locate(&path, seed.deserialize(at))
    }
}

pub(super) struct Variant<'a> {
    pub(super) word: &'a str,
    pub(super) content: Option<&'a Value>,
    pub(super) path: &'a Path<'a>,
    pub(super) unknown: Unknown<'a>,
}

impl<'de, 'a> EnumAccess<'de> for Variant<'a> {
    type Error = Error;
    type Variant = Content<'a>;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Self::Variant), Error> {
        let word: StrDeserializer<'_, Error> = self.word.into_deserializer();
        let variant = locate(self.path, seed.deserialize(word))?;
        Ok((
            variant,
            Content {
                word: self.word,
                content: self.content,
                path: self.path,
                unknown: self.unknown,
            },
        ))
    }
}

pub(super) struct Content<'a> {
    word: &'a str,
    content: Option<&'a Value>,
    path: &'a Path<'a>,
    unknown: Unknown<'a>,
}

impl Content<'_> {
    fn visit<T>(self, read: impl FnOnce(At<'_>) -> Result<T, Error>) -> Result<T, Error> {
        let path = Path::Key(self.path, self.word);
        match self.content {
            Some(value) => {
                let at = At {
                    value,
                    path,
                    unknown: self.unknown,
                };
                locate(&path, read(at))
            }
            None => Err(Error::custom(format!("`{}` needs a value", self.word))),
        }
    }
}

impl<'de> VariantAccess<'de> for Content<'_> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        match self.content {
            None | Some(Value::Null) => Ok(()),
            Some(_) => Err(Error::custom(format!("`{}` takes no value", self.word))),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        self.visit(|at| seed.deserialize(at))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, Error> {
        self.visit(|at| at.deserialize_seq(visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.visit(|at| at.deserialize_struct("", fields, visitor))
    }
}
