//! What may be shown on a terminal, and in which colours.

use std::borrow::Cow;
use std::fmt::{self, Write};

use anstyle::{AnsiColor, Style};

/// Sets for all output whether it has colours. `auto` means: on a terminal, unless `NO_COLOR` is
/// set.
pub(super) fn use_colour(choice: clap::ColorChoice) {
    let choice = match choice {
        clap::ColorChoice::Auto => anstream::ColorChoice::Auto,
        clap::ColorChoice::Always => anstream::ColorChoice::Always,
        clap::ColorChoice::Never => anstream::ColorChoice::Never,
    };
    choice.write_global();
}

pub(super) const BOLD: Style = Style::new().bold();
pub(super) const RED: Style = AnsiColor::BrightRed.on_default().bold();
pub(super) const YELLOW: Style = AnsiColor::Yellow.on_default().bold();
pub(super) const GREEN: Style = AnsiColor::BrightGreen.on_default().bold();

/// An error that ended a command.
#[derive(Debug)]
pub(super) struct Fatal(pub(super) anyhow::Error);

impl fmt::Display for Fatal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{RED}error{RED:#}: {}",
            one_line(&format!("{:#}", self.0))
        )
    }
}

/// Text of others on one line, without anything that a terminal acts on: control characters are
/// escaped, and so are those that turn the direction of text around, which could make a line look
/// like another.
pub(super) fn one_line(text: &str) -> Cow<'_, str> {
    if !text.contains(is_active) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            '\n' | '\t' => shown.push(' '),
            '\r' => {}
            other if is_active(other) => {
                let _ = write!(shown, "{}", other.escape_unicode());
            }
            other => shown.push(other),
        }
    }
    Cow::Owned(shown)
}

/// Lines of a manifest, with each character that a terminal acts on replaced by as many bytes, so
/// that spans into the text go on to fit.
pub(super) fn lines(text: &str) -> Cow<'_, str> {
    let harmful =
        |character: char| is_active(character) && !matches!(character, '\n' | '\t' | '\r');
    if !text.contains(harmful) {
        return Cow::Borrowed(text);
    }
    let replace = |character: char| match (harmful(character), character.len_utf8()) {
        (false, _) => character,
        (true, 1) => '?',
        (true, 2) => '¿',
        (true, _) => '\u{fffd}',
    };
    Cow::Owned(text.chars().map(replace).collect())
}

/// Unicode's bidirectional formatting characters (UAX #9, 2) and control characters.
fn is_active(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_sequence_in_a_name_is_shown_and_not_obeyed() {
        assert_eq!(
            one_line("a\u{1b}[31mb\nc\u{9b}2J\u{202e}"),
            "a\\u{1b}[31mb c\\u{9b}2J\\u{202e}"
        );
        assert_eq!(one_line("größe"), "größe");
    }

    #[test]
    fn a_line_keeps_its_length_when_something_in_it_is_replaced() {
        for text in ["a\u{7}b", "a\u{9b}b", "a\u{202e}b", "plain\tünï\n"] {
            assert_eq!(lines(text).len(), text.len(), "{text:?}");
        }
        assert_eq!(lines("a\u{9b}b"), "a¿b");
    }
}
