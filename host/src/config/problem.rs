//! Something wrong in a file, with the place to look at.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use rollgate_model::pointer;
use rollgate_model::yaml::{Location, Spans};

/// Something wrong in a file, or in an object of the cluster: what, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file as the user named it, or the object.
    pub file: Arc<str>,
    /// Where in the file; `None` where it is meant as a whole, and for an object.
    pub spot: Option<Spot>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

/// A place in a text, with the lines around it for showing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
    /// Some lines of the text, the meant one among them.
    pub excerpt: Arc<str>,
    /// The number of the excerpt's first line.
    pub first_line: u32,
    /// The bytes of the excerpt that are meant; they end on the line they begin on.
    pub bytes: Range<usize>,
}

impl Problem {
    /// Something wrong with a file as a whole.
    #[must_use]
    pub fn of_file(file: &Arc<str>, message: impl Into<String>) -> Self {
        Self {
            file: Arc::clone(file),
            spot: None,
            message: message.into(),
            hint: None,
        }
    }

    /// Something wrong at a place of a text.
    #[must_use]
    pub fn at(
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

    /// Something wrong with what a pointer leads to.
    #[must_use]
    pub fn of(file: &Arc<str>, spans: &Spans, pointer: &str, message: impl Into<String>) -> Self {
        Self::at(file, spans.text(), &spans.locate(pointer).focus, message)
    }

    /// The same with a hint.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }

    /// `file:line:column`, as editors and terminals make a link of it.
    #[must_use]
    pub fn place(&self) -> String {
        match &self.spot {
            Some(spot) => format!("{}:{}:{}", self.file, spot.line, spot.column),
            None => self.file.to_string(),
        }
    }
}

/// On one line, for logs.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place(), self.message)?;
        match &self.hint {
            Some(hint) => write!(f, " (hint: {hint})"),
            None => Ok(()),
        }
    }
}

/// The fields of a pointer that do not stand in the source, joined by dots: what is missing at the
/// place that the pointer leads to. `None` where all of it stands there.
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

/// Lines shown before the meant one.
const BEFORE: usize = 1;

impl Spot {
    /// Cuts a few lines around a location out of a text, so that the text need not be kept.
    #[must_use]
    pub fn new(text: &str, location: &Location) -> Self {
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
    fn an_excerpt_is_the_line_and_the_one_before_it() {
        let spot = spot("a: 1\nb: 2\nc: 3\nd: 4\n", 3, 10..11);
        assert_eq!(&*spot.excerpt, "b: 2\nc: 3");
        assert_eq!(spot.first_line, 2);
        assert_eq!(&spot.excerpt[spot.bytes], "c");
    }

    #[test]
    fn a_span_over_lines_is_cut_at_the_first() {
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
    fn what_is_missing_is_told_from_the_first_absent_field_on() {
        let documents = rollgate_model::yaml::read(b"a: {b/c: 1}");
        let spans = &documents[0].as_ref().expect("sound YAML").spans;
        assert_eq!(missing(spans, "/a/b~1c"), None);
        assert_eq!(missing(spans, "/a/x/0/y~1z").as_deref(), Some("x.0.y/z"));
        assert_eq!(missing(spans, ""), None);
    }
}
