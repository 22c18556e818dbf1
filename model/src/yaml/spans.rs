//! The positions of the values of a document, resolved on demand from a flat tree of byte spans.

use std::sync::Arc;

use super::index::{Index, Resolved};
use super::source::{Location, Source};

/// The positions of the values in a document or a part of it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Spans {
    index: Arc<Index>,
    root: u32,
}

/// The position of the value at a pointer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The value; for a mapping or a sequence, all of its lines. For an alias or a merged key, the
    /// place where it is used.
    pub value: Location,
    /// The key, where the value has one.
    pub key: Option<Location>,
    /// The part to highlight, one line at most: the value if it is on one line with its key, else
    /// the key, else the first line of the value.
    pub focus: Location,
    /// Whether there is a value at the pointer. If not, this is its nearest existing ancestor.
    pub exact: bool,
}

impl Spans {
    /// Returns the position of the value at an RFC 6901 pointer, or of its nearest existing
    /// ancestor.
    #[must_use]
    pub fn locate(&self, pointer: &str) -> Position {
        let (id, exact) = match self.index.resolve(self.root, pointer) {
            Resolved::Value(id) => (id, true),
            Resolved::Ancestor(id) => (id, false),
        };
        let (source, node) = (&self.index.source, self.index.node(id));
        let value = source.locate(node.range());
        let key = node.key_place().map(|key| source.locate(key));
        let focus = focus(source, &value, key.as_ref());
        Position {
            value,
            key,
            focus,
            exact,
        }
    }

    /// Returns the positions of the part at a pointer; `None` where there is nothing.
    #[must_use]
    pub fn at(&self, pointer: &str) -> Option<Self> {
        match self.index.resolve(self.root, pointer) {
            Resolved::Value(root) => Some(Self {
                index: Arc::clone(&self.index),
                root,
            }),
            Resolved::Ancestor(_) => None,
        }
    }

    /// Returns the whole text that the document is part of.
    #[must_use]
    pub fn text(&self) -> &str {
        self.index.source.text()
    }

    /// Returns the positions of each element of a list. Behind an alias, each one is that of the
    /// alias.
    pub(super) fn items(&self) -> impl Iterator<Item = Self> {
        let opaque = self.index.node(self.root).opaque;
        let mut children = self.index.children(self.root);
        std::iter::from_fn(move || {
            if opaque {
                Some(self.root)
            } else {
                children.next()
            }
        })
        .map(|root| Self {
            index: Arc::clone(&self.index),
            root,
        })
    }

    pub(super) fn new(index: Index) -> Self {
        Self {
            index: Arc::new(index),
            root: 0,
        }
    }
}

/// Returns [`Position::focus`].
fn focus(source: &Source, value: &Location, key: Option<&Location>) -> Location {
    let line_end = source.line_end(value.bytes.start);
    let fits = !value.bytes.is_empty() && value.bytes.end <= line_end;
    match key {
        Some(key) if !fits || key.line < value.line => key.clone(),
        _ => Location {
            bytes: value.bytes.start..value.bytes.end.min(line_end),
            ..value.clone()
        },
    }
}
