//! JSON pointers (RFC 6901).

use std::borrow::Cow;

/// Appends `/` and the escaped token: `~` is written `~0`, and `/` is written `~1`.
///
/// ```
/// let mut pointer = "/metadata/labels".to_owned();
/// rollgate_strict::pointer::push(&mut pointer, "app.kubernetes.io/name");
/// assert_eq!(pointer, "/metadata/labels/app.kubernetes.io~1name");
/// ```
pub fn push(pointer: &mut String, token: &str) {
    pointer.push('/');
    for character in token.chars() {
        match character {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            other => pointer.push(other),
        }
    }
}

/// Returns the unescaped tokens of a pointer. The empty pointer, which is the whole document, has
/// none; whatever precedes the first `/` is ignored.
///
/// ```
/// let tokens: Vec<_> = rollgate_strict::pointer::tokens("/labels/a~1b").collect();
/// assert_eq!(tokens, ["labels", "a/b"]);
/// ```
pub fn tokens(pointer: &str) -> impl Iterator<Item = Cow<'_, str>> {
    pointer.split('/').skip(1).map(|token| {
        if token.contains('~') {
            // In this order, so that `~01` becomes `~1`.
            Cow::from(token.replace("~1", "/").replace("~0", "~"))
        } else {
            Cow::from(token)
        }
    })
}

/// A pointer as a chain of borrowed steps, built while a tree is walked. It allocates only when it is
/// shown.
#[derive(Clone, Copy, Debug)]
pub enum Path<'a> {
    /// The root of the tree.
    Root,
    /// A field of an object.
    Key(&'a Path<'a>, &'a str),
    /// An item of a list.
    Index(&'a Path<'a>, usize),
}

impl Path<'_> {
    /// Returns the pointer as text.
    #[must_use]
    pub fn pointer(&self) -> String {
        let mut pointer = String::new();
        self.write(&mut pointer);
        pointer
    }

    fn write(&self, pointer: &mut String) {
        match self {
            Self::Root => {}
            Self::Key(parent, key) => {
                parent.write(pointer);
                push(pointer, key);
            }
            Self::Index(parent, index) => {
                parent.write(pointer);
                push(pointer, &index.to_string());
            }
        }
    }
}
