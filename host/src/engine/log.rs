//! Lines that a guest writes: bounded, escaped, and marked with the policy and the review.

use std::borrow::Cow;
use std::sync::Arc;

use rollgate_model::Violation;

use super::state::Review;

const LINES: u32 = 32;
const LINE_BYTES: usize = 1_024;

/// How much a line matters.
#[derive(Clone, Copy, Debug)]
pub(super) enum GuestLevel {
    Debug,
    Info,
    Warn,
    Error,
}

/// The log of one evaluation.
pub(super) struct GuestLog {
    policy: Arc<str>,
    review: Option<Arc<Review>>,
    written: u32,
}

impl GuestLog {
    pub(super) fn new(policy: Arc<str>, review: Option<Arc<Review>>) -> Self {
        Self {
            policy,
            review,
            written: 0,
        }
    }

    /// Writes a line, unless the guest has written too many.
    pub(super) fn write(&mut self, level: GuestLevel, message: &str) {
        self.written = self.written.saturating_add(1);
        if self.written > LINES {
            return;
        }
        let policy = &*self.policy;
        let uid = self.review.as_ref().map_or("", |review| review.id.as_str());
        let message = one_line(message);
        match level {
            GuestLevel::Debug => {
                tracing::debug!(target: "rollgate::guest", policy, uid, "{message}")
            }
            GuestLevel::Info => tracing::info!(target: "rollgate::guest", policy, uid, "{message}"),
            GuestLevel::Warn => tracing::warn!(target: "rollgate::guest", policy, uid, "{message}"),
            GuestLevel::Error => {
                tracing::error!(target: "rollgate::guest", policy, uid, "{message}")
            }
        }
    }
}

impl GuestLog {
    /// Tells the operator what in a verdict breaks the contract.
    pub(super) fn violations(&self, violations: &[Violation]) {
        let policy = &*self.policy;
        let uid = self.review.as_ref().map_or("", |review| review.id.as_str());
        for breach in violations {
            let what = breach.to_string();
            tracing::warn!(
                policy,
                uid,
                breach = &*one_line(&what),
                "the policy's verdict breaks the contract and is read as strictly as it can be"
            );
        }
    }
}

impl Drop for GuestLog {
    fn drop(&mut self) {
        let dropped = self.written.saturating_sub(LINES);
        if dropped > 0 {
            tracing::warn!(
                policy = &*self.policy,
                dropped,
                "the policy logs too much; lines were dropped"
            );
        }
    }
}

/// Text from a guest as one bounded line without control characters.
pub(super) fn one_line(text: &str) -> Cow<'_, str> {
    let cut = text.floor_char_boundary(LINE_BYTES);
    if cut == text.len() && !text.chars().any(char::is_control) {
        return Cow::Borrowed(text);
    }
    let mut line = String::with_capacity(cut + 3);
    for c in text[..cut].chars() {
        if c.is_control() {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
    if cut < text.len() {
        line.push('…');
    }
    Cow::Owned(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(one_line("a\nb\u{1b}[31m"), "a\\nb\\u{1b}[31m");
    }

    #[test]
    fn a_long_line_is_cut_between_characters() {
        let line = one_line(&"é".repeat(LINE_BYTES)).into_owned();
        assert_eq!(line.chars().count(), LINE_BYTES / 2 + 1);
        assert!(line.ends_with('…'));
    }

    #[test]
    fn a_sound_line_is_not_copied() {
        assert!(matches!(one_line("fine"), Cow::Borrowed("fine")));
    }
}
