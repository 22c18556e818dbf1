//! Secrets that were registered until recently.

use std::time::Duration;

use tokio::time::Instant;

use super::stored::Stored;
use crate::server::PathSecret;

/// The secrets that a replica accepts: those in the Secret, and those that were the current one until
/// recently. An API server may still call a path whose secret was lost together with a deleted Secret.
pub(super) struct RecentPaths {
    /// For how long a secret is accepted after it was the current one.
    overlap: Duration,
    stored: Option<Stored>,
    /// Former current secrets, and until when each is accepted.
    former: Vec<(PathSecret, Instant)>,
}

impl RecentPaths {
    pub(super) const fn new(overlap: Duration) -> Self {
        Self {
            overlap,
            stored: None,
            former: Vec::new(),
        }
    }

    /// Replaces what was in the Secret until now.
    pub(super) fn replace(&mut self, stored: &Stored, now: Instant) {
        self.former.retain(|(_, end)| *end > now);
        let former = match &self.stored {
            Some(old) => Some(&old.current).filter(|old| **old != stored.current),
            // A replica that has just started may see it for the last time.
            None => stored.previous.as_ref(),
        };
        let end = now + self.overlap;
        self.former
            .extend(former.map(|secret| (secret.clone(), end)));
        self.stored = Some(stored.clone());
    }

    pub(super) fn accepted(&self, now: Instant) -> Vec<PathSecret> {
        let stored = self.stored.clone().map(Stored::accepted);
        let former = self.former.iter().filter(|(_, end)| *end > now);
        let former = former.map(|(secret, _)| secret.clone());
        stored.into_iter().flatten().chain(former).collect()
    }

    /// Returns when the next former secret ends to be accepted.
    pub(super) fn next_end(&self) -> Option<Instant> {
        let now = Instant::now();
        let ends = self.former.iter().map(|(_, end)| *end);
        ends.filter(|end| *end > now).min()
    }
}
