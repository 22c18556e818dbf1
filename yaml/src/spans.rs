//! The positions of the values of a document, resolved on demand from a flat tree of byte spans.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use rollgate_strict::pointer;

use crate::source::{Location, Source, small};

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
    pub(crate) fn items(&self) -> impl Iterator<Item = Self> {
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

    pub(crate) fn new(index: Index) -> Self {
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

/// The nodes of one document in the order of the text, parents first.
#[derive(Debug)]
pub(crate) struct Index {
    pub(crate) source: Arc<Source>,
    nodes: Vec<Node>,
    /// Keys that differ from their text: escaped, folded, merged, from an alias, or a number.
    other_keys: BTreeMap<u32, Box<str>>,
}

/// One value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    start: u32,
    end: u32,
    key_start: u32,
    key_end: u32,
    /// The next node that is not inside this one.
    next: u32,
    key: KeyText,
    /// Whether the nodes below are elsewhere in the text: an alias or a merged key.
    pub(crate) opaque: bool,
}

/// How the key's text relates to the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum KeyText {
    /// No key: the root or an element of a sequence.
    None,
    /// The text is the key.
    Plain,
    /// The text is the key in quotes.
    Quoted,
    /// The key is in `other_keys`.
    Other,
}

/// The key of a value that is about to be added.
pub(crate) struct Key<'a> {
    pub(crate) span: Range<usize>,
    pub(crate) name: &'a str,
}

/// Whether the nodes below a node are inside its span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Here,
    Elsewhere,
}

/// The result of following a pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resolved {
    /// To this node.
    Value(u32),
    /// Nothing is there; this node is the nearest ancestor.
    Ancestor(u32),
}

impl Index {
    pub(crate) fn new(source: Arc<Source>) -> Self {
        Self {
            source,
            nodes: Vec::new(),
            other_keys: BTreeMap::new(),
        }
    }

    /// Returns the id of the node that is added next.
    pub(crate) fn next_id(&self) -> u32 {
        small(self.nodes.len())
    }

    /// Adds a node. Nodes that are added until [`Index::close`] are below it.
    pub(crate) fn open(
        &mut self,
        key: Option<&Key<'_>>,
        span: Range<usize>,
        origin: Origin,
    ) -> u32 {
        let id = self.next_id();
        let (key_span, text) = key.map_or((0..0, KeyText::None), |key| {
            (key.span.clone(), self.key_text(key))
        });
        if let (KeyText::Other, Some(key)) = (text, key) {
            self.other_keys.insert(id, key.name.into());
        }
        self.nodes.push(Node {
            start: small(span.start),
            end: small(span.end),
            key_start: small(key_span.start),
            key_end: small(key_span.end),
            next: id + 1,
            key: text,
            opaque: origin == Origin::Elsewhere,
        });
        id
    }

    /// Ends a node at this offset, or where its last child ends.
    pub(crate) fn close(&mut self, id: u32, end: Option<usize>) {
        let next = small(self.nodes.len());
        let child_ends = self.siblings(id + 1, next).map(|child| {
            let child = self.node(child);
            child.end.max(child.key_end)
        });
        let last = child_ends.max();
        let node = &mut self.nodes[id as usize];
        node.next = next;
        node.end = end.map(small).or(last).unwrap_or(node.end).max(node.start);
    }

    /// Removes a node and everything after it, and returns its span.
    pub(crate) fn forget(&mut self, id: u32) -> Range<usize> {
        let place = self.node(id).range();
        self.nodes.truncate(id as usize);
        self.other_keys.split_off(&id);
        place
    }

    /// Returns the line of a key that a node has already.
    pub(crate) fn line_of_key(&self, parent: u32, name: &str) -> Option<u32> {
        let open_end = small(self.nodes.len());
        let child = self
            .siblings(parent + 1, open_end)
            .find(|&id| self.key(id) == Some(name))?;
        Some(self.source.locate(self.node(child).key_range()).line)
    }

    fn key_text(&self, key: &Key<'_>) -> KeyText {
        let text = self.source.text().get(key.span.clone()).unwrap_or_default();
        let inner = text
            .get(1..text.len().saturating_sub(1))
            .unwrap_or_default();
        let quoted = text.starts_with(['"', '\'']);
        match (quoted, text == key.name, inner == key.name) {
            (false, true, _) => KeyText::Plain,
            (true, _, true) => KeyText::Quoted,
            _ => KeyText::Other,
        }
    }

    pub(crate) fn node(&self, id: u32) -> &Node {
        &self.nodes[id as usize]
    }

    fn key(&self, id: u32) -> Option<&str> {
        let node = self.node(id);
        let text = &self.source.text()[node.key_range()];
        match node.key {
            KeyText::None => None,
            KeyText::Plain => Some(text),
            KeyText::Quoted => Some(&text[1..text.len() - 1]),
            KeyText::Other => self.other_keys.get(&id).map(AsRef::as_ref),
        }
    }

    pub(crate) fn children(&self, id: u32) -> impl Iterator<Item = u32> {
        self.siblings(id + 1, self.node(id).next)
    }

    fn siblings(&self, first: u32, end: u32) -> impl Iterator<Item = u32> {
        let in_range = move |id: u32| (id < end).then_some(id);
        std::iter::successors(in_range(first), move |&id| in_range(self.node(id).next))
    }

    /// Returns the node at a pointer.
    pub(crate) fn resolve(&self, root: u32, pointer: &str) -> Resolved {
        if pointer.is_empty() {
            return Resolved::Value(root);
        }
        if !pointer.starts_with('/') {
            return Resolved::Ancestor(root);
        }
        let mut at = root;
        for token in pointer::tokens(pointer) {
            if self.node(at).opaque {
                return Resolved::Value(at);
            }
            match self.child(at, &token) {
                Some(child) => at = child,
                None => return Resolved::Ancestor(at),
            }
        }
        Resolved::Value(at)
    }

    fn child(&self, id: u32, segment: &str) -> Option<u32> {
        let mut children = self.children(id).peekable();
        if self.node(*children.peek()?).key == KeyText::None {
            return children.nth(array_index(segment)?);
        }
        children.find(|&child| self.key(child) == Some(segment))
    }
}

impl Node {
    pub(crate) fn range(&self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// Returns the span of its key, if it has one.
    pub(crate) fn key_place(&self) -> Option<Range<usize>> {
        (self.key != KeyText::None).then(|| self.key_range())
    }

    fn key_range(&self) -> Range<usize> {
        self.key_start as usize..self.key_end as usize
    }
}

/// RFC 6901, 4: digits without leading zeros.
fn array_index(segment: &str) -> Option<usize> {
    let canonical = segment == "0" || !segment.starts_with(['0', '+']);
    segment.parse().ok().filter(|_| canonical)
}
