//! What is to be done next with the certificates: a function of what stands in the Secret, what API
//! servers trust, and the time. Whoever crashes between two steps is followed by one who takes the
//! next.

use std::time::Duration;

use jiff::Timestamp;

use super::stored::Stored;

/// How long certificates last, and how long each step of a rotation takes to be everywhere.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CertificateTimes {
    /// From when a certificate is made to its end; it is replaced when a third of this is left.
    pub(crate) lifetime: Duration,
    /// Until every API server has heard of another CA, and every replica of another certificate.
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
    /// They are told nothing yet, so a first certificate disturbs nobody.
    Nothing,
    /// Some CAs.
    Something,
}

/// What is to be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Make the first pair and serve with it.
    Begin,
    /// Make the next pair and have it trusted.
    Introduce,
    /// Note the time, once what is trusted stands in the registration.
    Spread,
    /// Serve with the next pair.
    Promote,
    /// Trust only what is served with.
    Retire,
    /// Nothing before this moment.
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
