//! Parses YAML, and with it JSON, as kubectl does, and keeps the position of every value.
//!
//! One pass over the parser's events builds the JSON tree and, beside it, a flat index of byte
//! spans. Lines and columns are computed only for what is shown. Scalars have the types that
//! `sigs.k8s.io/yaml` gives them, with which kubectl, Flux and Argo CD parse manifests; see
//! [`read`].

mod anchors;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod load;
mod parts;
mod scalar;
mod source;
mod spans;

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;

pub use rollgate_strict::{FieldError, FieldProblem, from_value};
pub use source::Location;
pub use spans::{Position, Spans};

use source::Source;

/// The maximum nesting of mappings and sequences.
pub const MAX_DEPTH: usize = 255;

/// The maximum size of a text, in bytes.
pub const MAX_TEXT: usize = 64 << 20;

/// The maximum size of all copies of anchored values in one text, in bytes. Without it, a few lines
/// of nested aliases could exhaust the memory.
pub const MAX_COPIED: usize = 32 << 20;

/// One document of a YAML stream.
#[derive(Clone, Debug)]
pub struct Document {
    /// The document as JSON.
    pub tree: Value,
    /// The positions of the values in `tree`.
    pub spans: Spans,
}

impl Document {
    /// Returns the part of this document at an RFC 6901 pointer, with pointers relative to it;
    /// `None` where there is nothing.
    #[must_use]
    pub fn at(&self, pointer: &str) -> Option<Self> {
        let tree = self.tree.pointer(pointer)?.clone();
        Some(Self {
            tree,
            spans: self.spans.at(pointer)?,
        })
    }

    /// Returns the elements of the list at a pointer, such as the `items` of a `List`, without
    /// copying them; empty where there is no list.
    #[must_use]
    pub fn into_items(mut self, pointer: &str) -> Vec<Self> {
        let Some(Value::Array(items)) = self.tree.pointer_mut(pointer).map(Value::take) else {
            return Vec::new();
        };
        let Some(list) = self.spans.at(pointer) else {
            return Vec::new();
        };
        items
            .into_iter()
            .zip(list.items())
            .map(|(tree, spans)| Self { tree, spans })
            .collect()
    }

    /// Deserializes a type from this document. Whether unknown fields are errors is up to the type
    /// (`deny_unknown_fields`).
    ///
    /// # Errors
    ///
    /// The first mistake, with its position.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, ReadError> {
        from_value(&self.tree).map_err(|FieldError { problem, pointer }| {
            let position = self.spans.locate(&pointer);
            let location = match (&problem, position.key) {
                (FieldProblem::UnknownField { .. }, Some(key)) => key,
                _ => position.focus,
            };
            ReadError {
                problem,
                pointer,
                location,
            }
        })
    }
}

/// A value of a document that does not fit the type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{location}: {problem}{}", shown_path(pointer))]
pub struct ReadError {
    /// What is wrong.
    pub problem: FieldProblem,
    /// RFC 6901 pointer to the value.
    pub pointer: String,
    /// The position of the value.
    pub location: Location,
}

fn shown_path(pointer: &str) -> String {
    if pointer.is_empty() {
        String::new()
    } else {
        format!(" (at {pointer})")
    }
}

/// Why a document cannot be parsed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{location}: {kind}")]
pub struct YamlError {
    /// What is wrong.
    pub kind: YamlErrorKind,
    /// Where.
    pub location: Location,
}

/// What is wrong with a document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum YamlErrorKind {
    /// The text is longer than [`MAX_TEXT`].
    #[error("the text has more than the {} MiB that are read; split it", MAX_TEXT >> 20)]
    TooLong,
    /// The bytes are not UTF-8.
    #[error("this is not UTF-8 text; save the file as UTF-8")]
    NotUtf8,
    /// A control character that YAML forbids, such as NUL.
    #[error("the control character U+{0:04X} is not allowed here; remove it")]
    ControlCharacter(u32),
    /// A byte order mark inside a document.
    #[error(
        "there is an invisible byte order mark (U+FEFF) here; remove it (editors on Windows write it at the beginning of a file, and joining files carries it along)"
    )]
    ByteOrderMark,
    /// A character that ends a line for kubectl, but not in YAML 1.2.
    #[error(
        "the character U+{0:04X} is here, which kubectl takes for the end of a line and other tools do not; remove it, or write it as an escape in double quotes"
    )]
    LineBreak(u32),
    /// The error of the parser.
    #[error("this is not valid YAML: {0}")]
    Syntax(String),
    /// The text is a template, such as one of Helm, and must be rendered first.
    #[error("this looks like a template (`{{{{ … }}}}`); render it first, as with `helm template`")]
    Template,
    /// A mapping has a key twice.
    #[error("duplicate key `{key}`, first on line {first_line}; remove one of the two")]
    DuplicateKey {
        /// The key.
        key: String,
        /// The line of the first one, from 1.
        first_line: u32,
    },
    /// A key that JSON cannot have: `null`, a mapping or a sequence.
    #[error(
        "a key must be a string, a number or a boolean, and this is {0}; quote it to make it a string"
    )]
    UnusableKey(&'static str),
    /// More than [`MAX_DEPTH`] levels.
    #[error("mappings and sequences are nested more than {MAX_DEPTH} deep")]
    TooDeep,
    /// The aliases copy more than [`MAX_COPIED`].
    #[error("the aliases in this document expand to more than {} MiB; write the values out, or use fewer aliases", MAX_COPIED >> 20)]
    TooManyAliases,
    /// An alias is inside the value that it refers to.
    #[error("the alias is used inside the value that it refers to")]
    CyclicAlias,
    /// `<<` has a value that is neither a mapping nor a list of mappings.
    #[error("`<<` merges a mapping or a list of mappings, and this is {0}")]
    BadMerge(&'static str),
    /// `<<` follows a key that it merges with another value.
    #[error(
        "this `<<` brings in another value of `{key}`, which has one from line {first_line}; kubectl takes the later one and other tools the earlier: put `<<` before it, or remove one of the two"
    )]
    MergeOverwrites {
        /// The key.
        key: String,
        /// The line of that key, from 1.
        first_line: u32,
    },
    /// Base64 in place of a string.
    #[error("`!!binary` is not read here; write the text itself, without the tag")]
    Binary,
    /// A number that JSON cannot represent: infinite, or not a number.
    #[error("`{0}` is no number that JSON can hold; quote it to make it a string")]
    NotFinite(String),
    /// A scalar that does not fit its tag.
    #[error("`{text}` is no {tag}")]
    BadTag {
        /// The text of the scalar.
        text: String,
        /// The type of the tag.
        tag: &'static str,
    },
}

/// Parses every document of a text, in order. Documents without content (empty, comments only,
/// `null`) are left out. A document that cannot be parsed is an error in its place, and the others
/// are parsed all the same.
///
/// Scalars have the types that `sigs.k8s.io/yaml` (YAML 1.1 as of go-yaml 2) gives them, so that a
/// manifest is evaluated as the cluster will get it: an unquoted `yes`, `no`, `on`, `off`, `y`, `n`
/// is a boolean, `0755` an octal number, `1_000` a thousand, `1.0` the integer 1, an integer beyond
/// 64 bits a float, a date a string. Keys that are numbers or booleans become strings. Byte order
/// marks before a document are skipped, and JSON objects may follow one another without a
/// separator.
///
/// Where tools differ, the document is an error: a duplicate key, a `<<` that would overwrite a key
/// before it, `!!binary`, and line breaks that only YAML 1.1 knows.
///
/// # Errors
///
/// Per document; a text that is too long or not UTF-8 is one error.
pub fn read(text: &[u8]) -> Vec<Result<Document, YamlError>> {
    match Source::new(text) {
        Ok(source) => load::documents(&Arc::new(source)),
        Err(error) => vec![Err(error)],
    }
}
