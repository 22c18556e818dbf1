//! Anchored values and the copies that aliases make of them.

use std::collections::HashMap;

use serde_json::Value;

use crate::{MAX_COPIED, MAX_DEPTH, YamlErrorKind};

/// The anchored values of one document, by the parser's ids, and the size of the copies in all
/// documents.
#[derive(Default)]
pub(crate) struct Anchors {
    /// `None` while the value is being parsed.
    values: HashMap<usize, Option<Anchored>>,
    copied: usize,
}

struct Anchored {
    value: Value,
    size: Size,
}

impl Anchors {
    /// Starts a document, which cannot refer to anchors of another.
    pub(crate) fn begin_document(&mut self) {
        self.values.clear();
    }

    /// Returns the size of all copies so far.
    pub(crate) const fn copied(&self) -> usize {
        self.copied
    }

    /// Subtracts the copies of a document that could not be parsed.
    pub(crate) const fn refund(&mut self, copied: usize) {
        self.copied = copied;
    }

    /// Records that a value with this anchor, if any, is being parsed.
    pub(crate) fn begin(&mut self, anchor: usize) {
        if anchor != 0 {
            self.values.insert(anchor, None);
        }
    }

    /// Stores a copy of a value that has an anchor.
    pub(crate) fn keep(&mut self, anchor: usize, value: &Value) -> Result<(), YamlErrorKind> {
        if anchor != 0 {
            let size = Size::of(value);
            charge(&mut self.copied, size)?;
            self.values.insert(
                anchor,
                Some(Anchored {
                    value: value.clone(),
                    size,
                }),
            );
        }
        Ok(())
    }

    /// Returns a copy of an anchored value, for use at this depth.
    pub(crate) fn copy(&mut self, anchor: usize, depth: usize) -> Result<Value, YamlErrorKind> {
        let anchored = self.values.get(&anchor).and_then(Option::as_ref);
        let Anchored { value, size } = anchored.ok_or(YamlErrorKind::CyclicAlias)?;
        if depth + size.height > MAX_DEPTH {
            return Err(YamlErrorKind::TooDeep);
        }
        charge(&mut self.copied, *size)?;
        Ok(value.clone())
    }
}

fn charge(copied: &mut usize, size: Size) -> Result<(), YamlErrorKind> {
    *copied += size.bytes;
    if *copied > MAX_COPIED {
        Err(YamlErrorKind::TooManyAliases)
    } else {
        Ok(())
    }
}

/// The size of a copy.
#[derive(Clone, Copy)]
struct Size {
    /// The memory that it takes, roughly.
    bytes: usize,
    /// How many mappings and sequences are nested in it.
    height: usize,
}

impl Size {
    /// The memory that a value takes beside its text, roughly.
    const NODE: usize = 64;

    fn of(value: &Value) -> Self {
        match value {
            Value::String(text) => Self {
                bytes: Self::NODE + text.len(),
                height: 0,
            },
            Value::Array(items) => Self::around(items.iter().map(Self::of)),
            Value::Object(fields) => Self::around(fields.iter().map(|(key, value)| {
                let size = Self::of(value);
                Self {
                    bytes: size.bytes + Self::NODE + key.len(),
                    ..size
                }
            })),
            _ => Self {
                bytes: Self::NODE,
                height: 0,
            },
        }
    }

    fn around(parts: impl Iterator<Item = Self>) -> Self {
        parts.fold(
            Self {
                bytes: Self::NODE,
                height: 1,
            },
            |whole, part| Self {
                bytes: whole.bytes + part.bytes,
                height: whole.height.max(part.height + 1),
            },
        )
    }
}
