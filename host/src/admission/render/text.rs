//! Makes text from policies and reviews safe for a response: one line, bounded, and without words that
//! make other tools delete objects.

pub(in super::super) use crate::telemetry::text::one_line;

/// Cuts a text to at most so many bytes, and marks the cut.
pub(super) fn cut(text: impl Into<String>, bytes: usize) -> String {
    const MORE: &str = " …";
    let mut text = text.into();
    if text.len() > bytes {
        text.truncate(text.floor_char_boundary(bytes.saturating_sub(MORE.len())));
        text.push_str(MORE);
    }
    text
}

/// Terminals have 80 columns by default.
const COLUMNS: usize = 78;

/// Wraps a line between words. The first line begins with `first`, the others with `hang`. A word that
/// is longer than a line is not broken.
pub(super) fn wrap(text: &str, first: &str, hang: &str) -> String {
    let mut wrapped = first.to_owned();
    let mut column = first.chars().count();
    let mut started = false;
    for word in text.split(' ') {
        let width = word.chars().count();
        if started && column + 1 + width > COLUMNS {
            wrapped.push('\n');
            wrapped.push_str(hang);
            column = hang.chars().count();
        } else if started {
            wrapped.push(' ');
            column += 1;
        }
        wrapped.push_str(word);
        column += width;
        started = true;
    }
    wrapped
}

/// Replaces two phrases on which Flux deletes and recreates the object: kustomize-controller and
/// helm-controller look for them in any error message.
pub(in super::super) fn reword(text: &str) -> String {
    const WORDS: [(&str, &str); 2] = [
        ("is immutable", "cannot be changed"),
        ("immutable field", "unchangeable field"),
    ];
    WORDS.iter().fold(text.to_owned(), |text, (bad, good)| {
        replace_ignoring_case(&text, bad, good)
    })
}

fn replace_ignoring_case(text: &str, bad: &str, good: &str) -> String {
    let lower = text.to_ascii_lowercase();
    if !lower.contains(bad) {
        return text.to_owned();
    }
    let mut result = String::with_capacity(text.len());
    let mut from = 0;
    for (at, found) in lower.match_indices(bad) {
        result.push_str(&text[from..at]);
        result.push_str(good);
        from = at + found.len();
    }
    result.push_str(&text[from..]);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_that_make_flux_recreate_an_object_are_replaced() {
        assert_eq!(
            reword("the field Is Immutable now"),
            "the field cannot be changed now"
        );
        assert_eq!(reword("an immutable field"), "an unchangeable field");
        assert_eq!(reword("nothing of it: größe"), "nothing of it: größe");
    }

    #[test]
    fn cut_text_has_whole_characters_and_a_mark() {
        let line = cut("ü".repeat(300), 256);
        assert!(line.ends_with("ü …") && line.len() <= 256, "{line}");
        assert_eq!(cut("whole", 5), "whole");
    }

    #[test]
    fn text_is_wrapped_between_words_only() {
        let word = "ü".repeat(30);
        let text = format!("{word} {word} {word} {}", "x".repeat(90));
        let wrapped = wrap(&text, "- ", "  ");
        let lines: Vec<_> = wrapped.lines().collect();
        let expected = [
            format!("- {word} {word}"),
            format!("  {word}"),
            format!("  {}", "x".repeat(90)),
        ];
        assert_eq!(lines, expected);
    }
}
