//! Shows text from outside (policies, servers, objects) on one line of a log, message or terminal.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Returns text as one line that cannot act on a terminal or forge a log line.
///
/// Line breaks and tabs, with the spaces around them, become one space. Other control characters are
/// escaped. So are characters that change the direction of text, which could make a line look like
/// another.
pub(crate) fn one_line(text: &str) -> Cow<'_, str> {
    if !text.contains(|c| breaks_line(c) || is_active(c)) {
        return Cow::Borrowed(text);
    }
    let mut line = String::with_capacity(text.len() + 8);
    let parts = text.split(breaks_line).map(str::trim);
    for part in parts.filter(|part| !part.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        for c in part.chars() {
            if is_active(c) {
                write!(line, "{}", c.escape_unicode()).expect("a String takes any text");
            } else {
                line.push(c);
            }
        }
    }
    Cow::Owned(line)
}

/// Returns text as [`one_line`] of at most so many bytes, and a sign if there is more.
pub(crate) fn short_line(text: &str, bytes: usize) -> Cow<'_, str> {
    let head = &text[..text.floor_char_boundary(bytes)];
    let line = one_line(head);
    if head.len() == text.len() && line.len() <= bytes {
        return line;
    }
    let end = line.floor_char_boundary(bytes);
    Cow::Owned(line[..end].to_owned() + "…")
}

/// Whether a character is a control character or one of Unicode's bidirectional formatting characters
/// (UAX #9, 2).
pub(crate) fn is_active(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn breaks_line(c: char) -> bool {
    matches!(
        c,
        '\t' | '\n' | '\u{b}' | '\u{c}' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(
            one_line("a\u{1b}[31mb c\u{9b}2J\u{202e}"),
            "a\\u{1b}[31mb c\\u{9b}2J\\u{202e}"
        );
    }

    #[test]
    fn line_breaks_with_their_indentation_become_one_space() {
        assert_eq!(one_line("a:\r\n    b\n\n\tc\u{2028}d\n"), "a: b c d");
    }

    #[test]
    fn ordinary_text_is_not_copied() {
        assert!(matches!(
            one_line("größe  is 1"),
            Cow::Borrowed("größe  is 1")
        ));
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(short_line("üü", 4), "üü");
        assert_eq!(short_line("üüü", 5), "üü…");
    }
}
