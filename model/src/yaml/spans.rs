//! Where each part of a document stands: a flat tree of byte spans, resolved on demand.

use std::sync::Arc;

use super::index::{Index, Resolved};
use super::source::{Location, Source};

/// Where the parts of a document, or of a part of one, stand. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Spans {
    index: Arc<Index>,
    root: u32,
}

/// Where a pointer leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The value; all of its lines where it is a mapping or a sequence. An alias or a merged key
    /// is told at its use.
    pub value: Location,
    /// The key, where the value has one.
    pub key: Option<Location>,
    /// What to point at, never more than one line: a value that stands whole on its key's line,
    /// else the key, else the first line of the value.
    pub focus: Location,
    /// Whether the pointer itself stands there; else this is its nearest ancestor that does.
    pub exact: bool,
}

impl Spans {
    /// Where an RFC 6901 pointer leads: the value, or its nearest existing ancestor.
    #[must_use]
    pub fn locate(&self, pointer: &str) -> Place {
        let (id, exact) = match self.index.resolve(self.root, pointer) {
            Resolved::Value(id) => (id, true),
            Resolved::Ancestor(id) => (id, false),
        };
        let (source, node) = (&self.index.source, self.index.node(id));
        let value = source.locate(node.range());
        let key = node.key_place().map(|key| source.locate(key));
        let focus = focus(source, &value, key.as_ref());
        Place {
            value,
            key,
            focus,
            exact,
        }
    }

    /// The spans of the part under a pointer; `None` where nothing stands there.
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

    /// The whole text that the document was read from.
    #[must_use]
    pub fn text(&self) -> &str {
        self.index.source.text()
    }

    /// The spans of each element of a list; behind an alias, the alias again and again.
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

/// What to point at: see [`Place::focus`].
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
