//! Where each part of a document stands: a flat tree of byte spans, resolved on demand.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::source::{Location, Source, small};

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
        let (node, exact) = self.index.resolve(self.root, pointer);
        self.index.place(node, exact)
    }

    /// The spans of the part under a pointer; `None` where nothing stands there.
    #[must_use]
    pub fn at(&self, pointer: &str) -> Option<Self> {
        let (root, exact) = self.index.resolve(self.root, pointer);
        exact.then(|| Self {
            index: Arc::clone(&self.index),
            root,
        })
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

/// The nodes of one document in the order of the text, parents first.
#[derive(Debug)]
pub(super) struct Index {
    source: Arc<Source>,
    nodes: Vec<Node>,
    /// Keys that differ from their text: escaped, folded, merged, an alias, or a number.
    other_keys: BTreeMap<u32, Box<str>>,
}

/// One value.
#[derive(Clone, Copy, Debug)]
struct Node {
    start: u32,
    end: u32,
    key_start: u32,
    key_end: u32,
    /// The node after this one and all below it.
    next: u32,
    key: KeyText,
    /// Whether what is below it stands elsewhere: an alias or a merged key.
    opaque: bool,
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
pub(super) struct Key<'a> {
    pub(super) span: Range<usize>,
    pub(super) name: &'a str,
}

/// Whether what stands below a node is where the node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Here,
    Elsewhere,
}

impl Index {
    pub(super) fn new(source: Arc<Source>) -> Self {
        Self {
            source,
            nodes: Vec::new(),
            other_keys: BTreeMap::new(),
        }
    }

    /// The id of the node that is added next.
    pub(super) fn next_id(&self) -> u32 {
        small(self.nodes.len())
    }

    /// Adds a node; what is added until [`Index::close`] stands below it.
    pub(super) fn open(
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

    /// Ends a node at an offset, or where its last child ends.
    pub(super) fn close(&mut self, id: u32, end: Option<usize>) {
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

    /// Forgets a node and everything after it, and tells where it stood.
    pub(super) fn forget(&mut self, id: u32) -> Range<usize> {
        let place = self.node(id).range();
        self.nodes.truncate(id as usize);
        self.other_keys.split_off(&id);
        place
    }

    /// The line of a key that a node has already.
    pub(super) fn line_of_key(&self, parent: u32, name: &str) -> Option<u32> {
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

    fn node(&self, id: u32) -> &Node {
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

    fn children(&self, id: u32) -> impl Iterator<Item = u32> {
        self.siblings(id + 1, self.node(id).next)
    }

    fn siblings(&self, first: u32, end: u32) -> impl Iterator<Item = u32> {
        let in_range = move |id: u32| (id < end).then_some(id);
        std::iter::successors(in_range(first), move |&id| in_range(self.node(id).next))
    }

    /// The node that a pointer leads to and whether that is all of it.
    fn resolve(&self, root: u32, pointer: &str) -> (u32, bool) {
        if pointer.is_empty() {
            return (root, true);
        }
        let Some(path) = pointer.strip_prefix('/') else {
            return (root, false);
        };
        let mut at = root;
        for segment in path.split('/') {
            if self.node(at).opaque {
                return (at, true);
            }
            match self.child(at, &unescape(segment)) {
                Some(child) => at = child,
                None => return (at, false),
            }
        }
        (at, true)
    }

    fn child(&self, id: u32, segment: &str) -> Option<u32> {
        let mut children = self.children(id).peekable();
        if self.node(*children.peek()?).key == KeyText::None {
            return children.nth(array_index(segment)?);
        }
        children.find(|&child| self.key(child) == Some(segment))
    }

    fn place(&self, id: u32, exact: bool) -> Place {
        let node = self.node(id);
        let value = self.source.locate(node.range());
        let key = (node.key != KeyText::None).then(|| self.source.locate(node.key_range()));
        let line_end = self.source.line_end(value.bytes.start);
        let fits = !value.bytes.is_empty() && value.bytes.end <= line_end;
        let focus = match &key {
            Some(key) if !fits || key.line < value.line => key.clone(),
            _ => Location {
                bytes: value.bytes.start..value.bytes.end.min(line_end),
                ..value.clone()
            },
        };
        Place {
            value,
            key,
            focus,
            exact,
        }
    }
}

impl Node {
    fn range(&self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    fn key_range(&self) -> Range<usize> {
        self.key_start as usize..self.key_end as usize
    }
}

/// RFC 6901, 4: `~1` is a slash, and after that `~0` a tilde.
fn unescape(segment: &str) -> Cow<'_, str> {
    if segment.contains('~') {
        segment.replace("~1", "/").replace("~0", "~").into()
    } else {
        segment.into()
    }
}

/// RFC 6901, 4: digits without leading zeros.
fn array_index(segment: &str) -> Option<usize> {
    let canonical = segment == "0" || !segment.starts_with(['0', '+']);
    segment.parse().ok().filter(|_| canonical)
}
