//! Reads typed values from a JSON tree and tracks their path for error messages.
//!
//! As in the Kubernetes API, an explicit `null` counts as absent.

use crate::json::{Map, Value};
use rollgate_strict::pointer::Path;

use crate::records::IntOrString;
use crate::shape::ShapeError;

const ABSENT: &Value = &Value::Null;

/// A value, present or absent, and its path from the root of the object.
pub(crate) struct Node<'v, 'p> {
    value: &'v Value,
    path: Path<'p>,
}

impl<'v> Node<'v, 'static> {
    pub(crate) const fn root(value: &'v Value) -> Self {
        Self {
            value,
            path: Path::Root,
        }
    }
}

impl<'v, 'p> Node<'v, 'p> {
    /// Returns a field of this object; absent where the object is absent.
    pub(crate) fn field<'s>(&'s self, key: &'s str) -> Result<Node<'v, 's>, ShapeError> {
        let value = self
            .object()?
            .and_then(|map| map.get(key))
            .unwrap_or(ABSENT);
        Ok(Node {
            value,
            path: Path::Key(&self.path, key),
        })
    }

    pub(crate) const fn value(&self) -> &'v Value {
        self.value
    }

    pub(crate) fn present(self) -> Option<Self> {
        (!self.value.is_null()).then_some(self)
    }

    pub(crate) fn object(&self) -> Result<Option<&'v Map>, ShapeError> {
        match self.value {
            Value::Object(map) => Ok(Some(map)),
            Value::Null => Ok(None),
            _ => Err(self.wrong("an object")),
        }
    }

    pub(crate) fn text(&self) -> Result<Option<&'v str>, ShapeError> {
        match self.value {
            Value::String(text) => Ok(Some(text)),
            Value::Null => Ok(None),
            Value::Number(_) | Value::Bool(_) => Err(self.wrong("a string (put it in quotes)")),
            _ => Err(self.wrong("a string")),
        }
    }

    /// Returns the text; `None` also where it is empty, which the API does not distinguish from
    /// absent.
    pub(crate) fn filled(&self) -> Result<Option<String>, ShapeError> {
        Ok(self
            .text()?
            .filter(|text| !text.is_empty())
            .map(str::to_owned))
    }

    pub(crate) fn text_or_empty(&self) -> Result<String, ShapeError> {
        Ok(self.text()?.unwrap_or_default().to_owned())
    }

    pub(crate) fn flag(&self) -> Result<Option<bool>, ShapeError> {
        match self.value {
            Value::Bool(flag) => Ok(Some(*flag)),
            Value::Null => Ok(None),
            _ => Err(self.wrong("true or false")),
        }
    }

    pub(crate) fn i64(&self) -> Result<Option<i64>, ShapeError> {
        match self.value {
            Value::Number(number) => whole(number)
                .map(Some)
                .ok_or_else(|| self.wrong("a whole number of 64 bits")),
            Value::Null => Ok(None),
            _ => Err(self.wrong("a whole number")),
        }
    }

    pub(crate) fn i32(&self) -> Result<Option<i32>, ShapeError> {
        let Some(number) = self.i64()? else {
            return Ok(None);
        };
        i32::try_from(number)
            .map(Some)
            .map_err(|_| self.wrong("a whole number of 32 bits"))
    }

    pub(crate) fn int_or_string(&self) -> Result<Option<IntOrString>, ShapeError> {
        match self.value {
            Value::String(text) => Ok(Some(IntOrString::Text(text.to_string()))),
            Value::Number(_) => Ok(self.i32()?.map(IntOrString::Int)),
            Value::Null => Ok(None),
            _ => Err(self.wrong("a whole number or a string")),
        }
    }

    /// Reads each item of this list.
    pub(crate) fn each<T>(
        &self,
        mut read: impl FnMut(Node<'v, '_>) -> Result<T, ShapeError>,
    ) -> Result<Vec<T>, ShapeError> {
        let items = self.items()?;
        let mut results = Vec::with_capacity(items.len());
        for (index, value) in items.iter().enumerate() {
            results.push(read(Node {
                value,
                path: Path::Index(&self.path, index),
            })?);
        }
        Ok(results)
    }

    pub(crate) fn texts(&self) -> Result<Vec<String>, ShapeError> {
        self.each(|item| {
            item.text()?
                .map(str::to_owned)
                .ok_or_else(|| item.wrong("a string"))
        })
    }

    /// Returns the entries of a map of strings, sorted by key.
    pub(crate) fn pairs(&self) -> Result<Vec<(String, String)>, ShapeError> {
        self.sorted(|value| Ok(value.text()?.unwrap_or_default().to_owned()))
    }

    /// Returns the entries of a map of quantities, sorted by key. A quantity may be a number.
    pub(crate) fn quantities(&self) -> Result<Vec<(String, String)>, ShapeError> {
        self.sorted(|value| match value.value {
            Value::String(text) => Ok(text.to_string()),
            Value::Number(number) => Ok(number.to_string()),
            _ => Err(value.wrong("a quantity such as `250m` or `64Mi`")),
        })
    }

    pub(crate) fn wrong(&self, expected: &str) -> ShapeError {
        ShapeError::Wrong {
            pointer: self.pointer(),
            expected: expected.to_owned(),
            found: found(self.value),
        }
    }

    /// As `wrong`, for a value that no message may contain.
    pub(crate) fn wrong_hidden(&self, expected: &str) -> ShapeError {
        ShapeError::Wrong {
            pointer: self.pointer(),
            expected: expected.to_owned(),
            found: type_of(self.value).to_owned(),
        }
    }

    pub(crate) fn pointer(&self) -> String {
        self.path.pointer()
    }

    fn items(&self) -> Result<&'v [Value], ShapeError> {
        match self.value {
            Value::Array(items) => Ok(items),
            Value::Null => Ok(&[]),
            _ => Err(self.wrong("a list")),
        }
    }

    fn sorted(
        &self,
        read: impl Fn(Node<'v, '_>) -> Result<String, ShapeError>,
    ) -> Result<Vec<(String, String)>, ShapeError> {
        let Some(map) = self.object()? else {
            return Ok(Vec::new());
        };
        let mut pairs = Vec::with_capacity(map.len());
        for (key, value) in map.iter() {
            pairs.push((
                key.to_owned(),
                read(Node {
                    value,
                    path: Path::Key(&self.path, key),
                })?,
            ));
        }
        Ok(pairs)
    }
}

/// Returns a whole number; the API server reads YAML's `3.0` as 3.
fn whole(number: &serde_json::Number) -> Option<i64> {
    number.as_i64().or_else(|| {
        let float = number.as_f64()?;
        (float.fract() == 0.0 && float.abs() < 9.0e15).then_some(float as i64)
    })
}

fn found(value: &Value) -> String {
    const LONGEST: usize = 40;
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) if text.chars().count() <= LONGEST => format!("the string {text:?}"),
        Value::String(_) | Value::Array(_) | Value::Object(_) => type_of(value).to_owned(),
    }
}

const fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
