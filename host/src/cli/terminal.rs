//! What may be shown on a terminal, and in which colours.

use std::borrow::Cow;
use std::fmt;

use anstyle::{AnsiColor, Style};

use crate::telemetry::text::is_active;
pub(super) use crate::telemetry::text::one_line;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_keeps_its_length_when_something_in_it_is_replaced() {
        for text in ["a\u{7}b", "a\u{9b}b", "a\u{202e}b", "plain\tünï\n"] {
            assert_eq!(lines(text).len(), text.len(), "{text:?}");
        }
        assert_eq!(lines("a\u{9b}b"), "a¿b");
    }
}
