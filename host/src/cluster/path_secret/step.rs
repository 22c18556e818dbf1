//! What is to be done next with the secret path: a function of what stands in the Secret, what the
//! registration names, and the time. Whoever crashes between two steps is followed by one who takes the
//! next.

use std::time::Duration;

use jiff::Timestamp;
use rand::RngExt as _;
use rand::distr::Alphanumeric;

use super::stored::Stored;
use crate::server::PathSecret;

/// For how many times [`PathTimes::spread`] the previous secret is accepted: API servers hear of a
/// registration within seconds, and a crowded one within minutes.
const OVERLAP: u32 = 10;

/// Characters that tell one process from another.
const TERM: usize = 12;

/// How long a secret path lasts, and how long it takes to be known everywhere.
#[derive(Clone, Copy, Debug)]
pub struct PathTimes {
    /// From one renewal to the next.
    pub lifetime: Duration,
    /// Until every replica has heard of another secret.
    pub spread: Duration,
}

/// When the secret path is renewed.
#[derive(Clone, Debug)]
pub struct PathRenewal {
    times: PathTimes,
    /// Names this process: one that comes to hold the Lease renews what another has made.
    term: String,
}

/// What is to be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Make the first secret; or, where the Secret was lost, keep the registered one until the next.
    Begin,
    /// Make the next secret, and have it accepted.
    Introduce,
    /// Have the registration name the next secret.
    Promote,
    /// Nothing, before the registration names the current secret.
    Register,
    /// Note the time, once the registration names it.
    Spread,
    /// Accept the previous secret no longer.
    Retire,
    /// Nothing before this moment.
    Wait(Timestamp),
}

impl PathTimes {
    /// Whether a renewal ends before the next one begins.
    #[must_use]
    pub fn leave_room(self) -> bool {
        let renewal = self.spread.saturating_mul(OVERLAP + 2);
        renewal <= self.lifetime && !self.lifetime.is_zero()
    }
}

impl PathRenewal {
    /// By these times, for a process that has just begun.
    #[must_use]
    pub fn of_this_process(times: PathTimes) -> Self {
        let term = rand::rng().sample_iter(Alphanumeric).take(TERM);
        Self {
            times,
            term: term.map(char::from).collect(),
        }
    }

    pub(super) fn term(&self) -> &str {
        &self.term
    }
}

impl Step {
    pub(super) fn next(
        stored: Option<&Stored>,
        registered: &[PathSecret],
        now: Timestamp,
        renewal: &PathRenewal,
    ) -> Self {
        let Some(stored) = stored else {
            return Self::Begin;
        };
        let PathTimes { lifetime, spread } = renewal.times;
        if stored.next.is_some() {
            return stored.after(spread, Self::Promote, now);
        }
        if stored.previous.is_some() {
            let everywhere = registered.iter().all(|one| *one == stored.current);
            return if everywhere {
                stored.after(spread.saturating_mul(OVERLAP), Self::Retire, now)
            } else {
                Self::Register
            };
        }
        let due = stored.renewed.map(|renewed| later(renewed, lifetime));
        match due {
            Some(due) if due > now && stored.term == renewal.term => Self::Wait(due),
            _ => Self::Introduce,
        }
    }

    /// Whether it changes what stands in the Secret.
    pub(super) const fn changes(self) -> bool {
        !matches!(self, Self::Register | Self::Wait(_))
    }

    /// What the step makes of what stands there.
    pub(super) fn take(
        self,
        stored: Option<Stored>,
        registered: &[PathSecret],
        now: Timestamp,
        renewal: &PathRenewal,
    ) -> Stored {
        let Some(stored) = stored else {
            return Stored::begun(registered.first(), now, renewal.term());
        };
        match self {
            Self::Introduce => stored.introduced(PathSecret::generate(), now),
            Self::Promote => stored.promoted(now, renewal.term()),
            Self::Spread => stored.spreading(now),
            Self::Retire => stored.retired(),
            Self::Begin | Self::Register | Self::Wait(_) => stored,
        }
    }

    /// What it does, for the log.
    pub(super) const fn told(self) -> &'static str {
        match self {
            Self::Begin => "a first secret path is made",
            Self::Introduce => "the next secret path is made, and is to be accepted",
            Self::Promote => "the registration is to name the next secret path",
            Self::Spread => "the registration names the secret path",
            Self::Retire => "the secret path of before is accepted no longer",
            Self::Register | Self::Wait(_) => "the Secret is put in order",
        }
    }
}

impl Stored {
    fn after(&self, time: Duration, step: Step, now: Timestamp) -> Step {
        let Some(since) = self.since else {
            return Step::Spread;
        };
        let over = later(since, time);
        if over <= now { step } else { Step::Wait(over) }
    }
}

fn later(moment: Timestamp, time: Duration) -> Timestamp {
    moment.saturating_add(time).unwrap_or(Timestamp::MAX)
}
