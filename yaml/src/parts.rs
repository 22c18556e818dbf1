//! Splits a text into documents, as kubectl splits a stream: at lines of three hyphens, and after
//! each JSON object.

use std::ops::Range;

use serde::de::IgnoredAny;

/// Editors on Windows write it at the beginning of a file; joined files contain it inside.
pub(crate) const BYTE_ORDER_MARK: char = '\u{feff}';

/// A part of a text that is parsed on its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) bytes: Range<usize>,
    pub(crate) form: Form,
}

/// The syntax of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Yaml,
    /// One JSON object.
    Json,
}

/// Splits a text. Parts without content and byte order marks at the beginning of a document are
/// left out.
pub(crate) fn parts(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    for section in sections(text) {
        split(text, section, &mut parts);
    }
    parts
}

/// The content of a section so far.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Head {
    Nothing,
    /// Directives such as `%YAML 1.2`, which belong to the document after the next separator.
    Directives,
    Content,
}

/// Returns the text between the separators.
fn sections(text: &str) -> Vec<Range<usize>> {
    let mut sections = Vec::new();
    let (mut start, mut at, mut head) = (0, 0, Head::Nothing);
    for line in text.split_inclusive('\n') {
        let end = at + line.len();
        let bare = line.trim_start_matches(BYTE_ORDER_MARK);
        if is_separator(bare) && head == Head::Directives {
            head = Head::Content;
        } else if is_separator(bare) || bare.trim_end() == "..." {
            sections.push(start..at);
            (start, head) = (end, Head::Nothing);
        } else if head != Head::Content && !is_blank(bare) {
            head = if bare.starts_with('%') {
                Head::Directives
            } else {
                Head::Content
            };
        }
        at = end;
    }
    sections.push(start..text.len());
    sections
}

/// Whether a line has three hyphens and at most a comment. Other content after the hyphens is left
/// to the parser.
fn is_separator(line: &str) -> bool {
    line.strip_prefix("---").is_some_and(is_blank)
}

fn is_blank(line: &str) -> bool {
    let line = line.trim_start();
    line.is_empty() || line.starts_with('#')
}

/// Splits the JSON objects off the start of a section; the rest is YAML.
fn split(text: &str, section: Range<usize>, parts: &mut Vec<Part>) {
    let mut rest = section;
    loop {
        rest.start += marks(&text[rest.clone()]);
        let body = &text[rest.clone()];
        let start = rest.start + body.len() - body.trim_start().len();
        match json_object(&text[start..rest.end]) {
            Some(length) => {
                parts.push(Part {
                    bytes: start..start + length,
                    form: Form::Json,
                });
                rest.start = start + length;
            }
            None => {
                if start < rest.end {
                    parts.push(Part {
                        bytes: rest,
                        form: Form::Yaml,
                    });
                }
                return;
            }
        }
    }
}

/// Returns the end of the byte order marks at the beginning, which may follow empty lines and
/// comments.
fn marks(section: &str) -> usize {
    let mut at = 0;
    for line in section.split_inclusive('\n') {
        let bare = line.trim_start_matches(BYTE_ORDER_MARK);
        if bare.len() < line.len() {
            return at + line.len() - bare.len();
        }
        if !is_blank(line) {
            return 0;
        }
        at += line.len();
    }
    0
}

/// Returns the length of the JSON object at the start of a text.
fn json_object(text: &str) -> Option<usize> {
    if !text.starts_with('{') {
        return None;
    }
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
    values.next()?.ok()?;
    Some(values.byte_offset())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<(&str, Form)> {
        let parts = parts(text).into_iter();
        parts
            .map(|part| (text[part.bytes].trim(), part.form))
            .collect()
    }

    fn yaml<'t>(parts: &[&'t str]) -> Vec<(&'t str, Form)> {
        parts.iter().map(|part| (*part, Form::Yaml)).collect()
    }

    #[test]
    fn separator_with_blanks_or_a_comment_splits_documents() {
        assert_eq!(shown("a: 1\n---\nb: 2\n"), yaml(&["a: 1", "b: 2"]));
        assert_eq!(
            shown("---\r\na: 1\r\n---  # b\r\nb: 2"),
            yaml(&["a: 1", "b: 2"])
        );
        assert_eq!(shown("a: 1\n...\nb: 2"), yaml(&["a: 1", "b: 2"]));
        assert_eq!(shown("---\n\n---\n---"), []);
    }

    #[test]
    fn hyphens_elsewhere_split_nothing() {
        for text in ["a: |\n  ---\n  b", "--- a: 1", " ---", "a: ---"] {
            assert_eq!(shown(text), yaml(&[text.trim()]));
        }
    }

    #[test]
    fn directives_belong_to_the_document_after_the_separator() {
        let text = "# c\n%YAML 1.2\n---\na: 1\n---\nb: 2";
        assert_eq!(shown(text), yaml(&["# c\n%YAML 1.2\n---\na: 1", "b: 2"]));
    }

    #[test]
    fn byte_order_marks_before_a_document_are_skipped() {
        for text in [
            "\u{feff}a: 1\n---\n\u{feff}b: 2",
            "a: 1\n\u{feff}---\n\u{feff}\u{feff}b: 2",
            "\u{feff}---\na: 1\n---\n\n# c\n\u{feff}b: 2",
        ] {
            assert_eq!(shown(text), yaml(&["a: 1", "b: 2"]), "{text:?}");
        }
        assert_eq!(shown("a: \u{feff}1"), yaml(&["a: \u{feff}1"]));
    }

    #[test]
    fn each_of_several_json_objects_is_a_document() {
        let text = "{\"a\": \"}\"} {\"b\": [\n{}]}\n\u{feff}{\"c\": 1}\nd: 1";
        let json = |text| (text, Form::Json);
        assert_eq!(
            shown(text),
            [
                json("{\"a\": \"}\"}"),
                json("{\"b\": [\n{}]}"),
                json("{\"c\": 1}"),
                ("d: 1", Form::Yaml)
            ]
        );
    }

    #[test]
    fn text_that_only_starts_like_json_is_yaml() {
        for text in ["{a: b}", "{\"a\": 1", "{{ .Values.a }}", "[1]"] {
            assert_eq!(shown(text), yaml(&[text]));
        }
    }
}
