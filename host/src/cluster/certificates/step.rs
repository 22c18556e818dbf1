//! The next step of a rotation: a function of the Secret, what API servers trust, and the time. So a
//! process that takes over after a crash continues with the next step.

use std::time::Duration;

use jiff::Timestamp;

use super::stored::Stored;

/// How long certificates are valid, and how long each step of a rotation takes to propagate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CertificateTimes {
    /// The validity of a certificate; it is replaced when a third of this is left.
    pub(crate) lifetime: Duration,
    /// Until every API server knows a new CA, and every replica a new certificate.
    pub(crate) spread: Duration,
}

impl CertificateTimes {
    /// Whether a rotation ends before the certificate does that it replaces: two steps must spread
    /// within a third of the lifetime.
    pub(crate) fn leave_room(self) -> bool {
        self.spread.saturating_mul(6) <= self.lifetime && !self.lifetime.is_zero()
    }
}

impl Default for CertificateTimes {
    fn default() -> Self {
        const DAY: Duration = Duration::from_hours(24);
        Self {
            lifetime: 90 * DAY,
            spread: Duration::from_hours(1),
        }
    }
}

/// What API servers trust before a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Registered {
    /// Nothing yet, so the first certificate can be served at once.
    Nothing,
    /// Some CAs.
    Something,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Make the first pair and serve with it.
    Begin,
    /// Make the next pair, whose CA API servers are to trust.
    Introduce,
    /// Note the time, when the registration has the CAs.
    Spread,
    /// Serve with the next pair.
    Promote,
    /// Trust only the CA of the current pair.
    Retire,
    /// Wait until this time.
    Wait(Timestamp),
}

impl Step {
    pub(super) fn next(
        stored: &Stored,
        registered: Registered,
        now: Timestamp,
        times: CertificateTimes,
    ) -> Self {
        if stored.next.is_some() {
            return stored.after_spreading(Self::Promote, now, times);
        }
        match (stored.due(times.lifetime), registered) {
            (None, Registered::Nothing) => Self::Begin,
            (None, Registered::Something) => Self::Introduce,
            _ if stored.trusts_others() => stored.after_spreading(Self::Retire, now, times),
            (Some(due), _) if due <= now => Self::Introduce,
            (Some(due), _) => Self::Wait(due),
        }
    }
}

impl Stored {
    fn after_spreading(&self, step: Step, now: Timestamp, times: CertificateTimes) -> Step {
        let Some(since) = self.since else {
            return Step::Spread;
        };
        let over = since.saturating_add(times.spread).unwrap_or(Timestamp::MAX);
        if over <= now { step } else { Step::Wait(over) }
    }
}
