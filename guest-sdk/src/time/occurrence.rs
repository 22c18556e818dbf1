//! One occurrence of a window, in instants.

use crate::clock::Instant;
use jiff::{SignedDuration, Timestamp};

/// What a window is for. It decides which of two instants an end is that the clock shows twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Rollouts may go inside.
    Allow,
    /// Rollouts may not go inside.
    Freeze,
}

/// From `start` (included) to `end` (excluded; `None` means that it has none).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occurrence {
    /// The first instant inside.
    pub start: Timestamp,
    /// The first instant after it.
    pub end: Option<Timestamp>,
}

impl Occurrence {
    /// Between two local times; an absent one is at that end of time.
    ///
    /// It starts when the clock first reaches its start. What is allowed ends when the clock first
    /// reaches the end, a freeze when it has done so for the last time: where the clock shows a
    /// time twice, the side that lets nothing through counts.
    pub fn between(start: Option<Instant>, end: Option<Instant>, role: Purpose) -> Self {
        let end = end.map(|instant| match role {
            Purpose::Allow => instant.earliest(),
            Purpose::Freeze => instant.latest(),
        });
        Self {
            start: start.map_or(Timestamp::MIN, Instant::earliest),
            end,
        }
    }

    /// From an instant on for an elapsed time, or on and on where that is past the end of time.
    pub fn lasting(start: Timestamp, duration: SignedDuration) -> Self {
        Self {
            start,
            end: start.checked_add(duration).ok(),
        }
    }

    /// Whether `at` is inside.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.start <= at && self.end.is_none_or(|end| at < end)
    }

    /// Whether something of it is left at `at`.
    pub fn ends_after(&self, at: Timestamp) -> bool {
        !self.is_empty() && self.end.is_none_or(|end| end > at)
    }

    /// Whether it holds no instant at all, as when the clocks skip the whole of it.
    pub fn is_empty(&self) -> bool {
        self.end.is_some_and(|end| end <= self.start)
    }
}
