//! Log lines of a guest: limited in number and length, escaped, and labelled with the policy and the
//! review.

use std::borrow::Cow;
use std::sync::Arc;

use rollgate_model::Violation;

use super::state::Review;
use crate::telemetry::text::short_line;

const LINES: u32 = 32;
const LINE_BYTES: usize = 1_024;

/// The level of a line.
#[derive(Clone, Copy, Debug)]
pub(crate) enum GuestLevel {
    Debug,
    Info,
    Warn,
    Error,
}

/// The log of one evaluation.
pub(crate) struct GuestLog {
    policy: Arc<str>,
    review: Option<Arc<Review>>,
    written: u32,
}

impl GuestLog {
    pub(crate) fn new(policy: Arc<str>, review: Option<Arc<Review>>) -> Self {
        Self {
            policy,
            review,
            written: 0,
        }
    }

    /// Writes a line, unless the guest has written too many.
    pub(crate) fn write(&mut self, level: GuestLevel, message: &str) {
        self.written = self.written.saturating_add(1);
        if self.written > LINES {
            return;
        }
        let policy = &*self.policy;
        let uid = self.review.as_ref().map_or("", |review| review.id.as_str());
        let message = guest_text(message);
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

    /// Warns the operator of each breach of the contract in a verdict.
    pub(crate) fn violations(&self, violations: &[Violation]) {
        let policy = &*self.policy;
        let uid = self.review.as_ref().map_or("", |review| review.id.as_str());
        for breach in violations {
            let what = breach.to_string();
            tracing::warn!(
                policy,
                uid,
                breach = &*guest_text(&what),
                "the policy's verdict breaks the contract and is read as strictly as it can be"
            );
        }
    }
}

/// Returns text of a guest as one line of limited length.
pub(crate) fn guest_text(text: &str) -> Cow<'_, str> {
    short_line(text, LINE_BYTES)
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
