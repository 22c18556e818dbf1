//! A problem in a file or an object, and where it is.

use std::fmt::{self, Write as _};
use std::ops::Range;
use std::sync::Arc;

use rollgate_model::pointer;
use rollgate_yaml::{Location, Spans};

/// A problem in a file or in an object of the cluster: where it is, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file as the user named it, or the object.
    pub file: Arc<str>,
    /// Where in the file; `None` for the file as a whole, and for an object.
    pub spot: Option<Spot>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

/// A position in a text, with the lines around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
    /// Lines of the text, among them the one with the problem.
    pub excerpt: Arc<str>,
    /// The number of the excerpt's first line.
    pub first_line: u32,
    /// The bytes of the excerpt that have the problem; they end on the line they begin on.
    pub bytes: Range<usize>,
}

impl Problem {
    /// A problem with a file as a whole.
    #[must_use]
    pub(crate) fn of_file(file: &Arc<str>, message: impl Into<String>) -> Self {
        Self {
            file: Arc::clone(file),
            spot: None,
            message: message.into(),
            hint: None,
        }
    }

    /// A problem at a position in a text.
    #[must_use]
    pub(crate) fn at(
        file: &Arc<str>,
        text: &str,
        location: &Location,
        message: impl Into<String>,
    ) -> Self {
        let spot = Some(Spot::new(text, location));
        Self {
            file: Arc::clone(file),
            spot,
            message: message.into(),
            hint: None,
        }
    }

    /// A problem with the value at a pointer.
    #[must_use]
    pub(crate) fn of(
        file: &Arc<str>,
        spans: &Spans,
        pointer: &str,
        message: impl Into<String>,
    ) -> Self {
        Self::at(file, spans.text(), &spans.locate(pointer).focus, message)
    }

    /// Adds a hint.
    #[must_use]
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }

    /// Returns `file:line:column`, which editors and terminals turn into a link.
    #[must_use]
    pub(crate) fn location(&self) -> String {
        match &self.spot {
            Some(spot) => format!("{}:{}:{}", self.file, spot.line, spot.column),
            None => self.file.to_string(),
        }
    }
}

/// On one line, for logs.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.location(), self.message)?;
        match &self.hint {
            Some(hint) => write!(f, " (hint: {hint})"),
            None => Ok(()),
        }
    }
}

/// Where an object was read.
#[derive(Clone, Debug)]
pub(crate) enum SourceLocation {
    /// In a text: the file as the user named it, and the positions of the object's parts.
    Text(Arc<str>, Spans),
    /// In the cluster: the object's kind and name.
    Object(Arc<str>),
}

impl SourceLocation {
    /// A problem with the value at a pointer into the object.
    pub(crate) fn problem(&self, pointer: &str, message: impl Into<String>) -> Problem {
        match self {
            Self::Text(file, spans) => Problem::of(file, spans, pointer, message),
            Self::Object(object) if pointer.is_empty() => Problem::of_file(object, message),
            Self::Object(object) => {
                let message = format!("{}: {}", json_path(pointer), message.into());
                Problem::of_file(object, message)
            }
        }
    }

    /// Returns the fields of a pointer that are missing in the text; `None` for an object, whose
    /// problems name the whole pointer.
    pub(super) fn missing(&self, pointer: &str) -> Option<String> {
        match self {
            Self::Text(_, spans) => missing(spans, pointer),
            Self::Object(_) => None,
        }
    }
}

/// Returns the fields of a pointer that are missing in the source, joined by dots; `None` if none is.
#[must_use]
pub fn missing(spans: &Spans, pointer: &str) -> Option<String> {
    let starts = pointer.match_indices('/').map(|(start, _)| start);
    let ends = starts.clone().skip(1).chain([pointer.len()]);
    let (start, _) = starts
        .zip(ends)
        .find(|&(_, end)| !spans.locate(&pointer[..end]).exact)?;
    let fields: Vec<_> = pointer::tokens(&pointer[start..]).collect();
    Some(fields.join("."))
}

/// Converts an RFC 6901 pointer to a field path, such as `spec.template.spec.containers[0].image`.
///
/// A key that is no plain word is put in brackets: `metadata.labels["app.kubernetes.io/name"]`.
pub(crate) fn json_path(pointer: &str) -> String {
    let mut path = String::with_capacity(pointer.len());
    for key in pointer::tokens(pointer) {
        if !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_digit()) {
            write!(path, "[{key}]").expect("writing to a String does not fail");
        } else if is_word(&key) {
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(&key);
        } else {
            write!(path, "[{key:?}]").expect("writing to a String does not fail");
        }
    }
    path
}

fn is_word(key: &str) -> bool {
    !key.is_empty()
        && key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// Lines shown before the one with the problem.
const BEFORE: usize = 1;

impl Spot {
    /// Copies the lines around a location, so that the text need not be kept.
    #[must_use]
    pub(crate) fn new(text: &str, location: &Location) -> Self {
        let at = text.floor_char_boundary(location.bytes.start.min(text.len()));
        let mut start = line_start(text, at);
        let mut first_line = location.line;
        for _ in 0..BEFORE.min(location.line.saturating_sub(1) as usize) {
            start = line_start(text, start.saturating_sub(1));
            first_line -= 1;
        }
        let line = text[at..].split('\n').next().unwrap_or_default();
        let line_end = at + line.trim_end_matches('\r').len();
        let end = location.bytes.end.clamp(at, line_end);
        Self {
            line: location.line,
            column: location.column,
            excerpt: text[start..line_end].into(),
            first_line,
            bytes: at - start..text.ceil_char_boundary(end).min(line_end) - start,
        }
    }
}

fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |end| end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spot(text: &str, line: u32, bytes: Range<usize>) -> Spot {
        Spot::new(
            text,
            &Location {
                line,
                column: 1,
                bytes,
            },
        )
    }

    #[test]
    fn excerpt_is_the_line_and_the_one_before_it() {
        let spot = spot("a: 1\nb: 2\nc: 3\nd: 4\n", 3, 10..11);
        assert_eq!(&*spot.excerpt, "b: 2\nc: 3");
        assert_eq!(spot.first_line, 2);
        assert_eq!(&spot.excerpt[spot.bytes], "c");
    }

    #[test]
    fn span_over_several_lines_is_cut_at_the_first() {
        let spot = spot("a:\r\n  b: 1\r\n", 1, 0..10);
        assert_eq!(&*spot.excerpt, "a:");
        assert_eq!(spot.bytes, 0..2);
    }

    #[test]
    fn offsets_outside_the_text_or_inside_a_character_do_no_harm() {
        assert_eq!(&*spot("ä", 1, 1..1).excerpt, "ä");
        assert_eq!(spot("", 1, 5..9).bytes, 0..0);
        assert_eq!(spot("a\n", 2, 2..2).bytes, 2..2);
    }

    #[test]
    fn missing_fields_are_named_from_the_first_on() {
        let documents = rollgate_yaml::read(b"a: {b/c: 1}");
        let spans = &documents[0].as_ref().expect("sound YAML").spans;
        assert_eq!(missing(spans, "/a/b~1c"), None);
        assert_eq!(missing(spans, "/a/x/0/y~1z").as_deref(), Some("x.0.y/z"));
        assert_eq!(missing(spans, ""), None);
    }

    #[test]
    fn pointer_becomes_a_field_path() {
        let cases = [
            ("", ""),
            ("/spec/replicas", "spec.replicas"),
            (
                "/spec/template/spec/containers/0/image",
                "spec.template.spec.containers[0].image",
            ),
            (
                "/metadata/labels/app.kubernetes.io~1name",
                "metadata.labels[\"app.kubernetes.io/name\"]",
            ),
            (
                "/metadata/annotations/a~01",
                "metadata.annotations[\"a~1\"]",
            ),
        ];
        for (pointer, path) in cases {
            assert_eq!(json_path(pointer), path);
        }
    }

    #[test]
    fn field_path_escapes_control_characters() {
        assert_eq!(json_path("/a\u{1b}[31m"), "[\"a\\u{1b}[31m\"]");
    }
}
