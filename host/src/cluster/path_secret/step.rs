//! The next step of a renewal: a function of the Secret, the registration and the time. So a process that
//! takes over after a crash continues with the next step.

use std::time::Duration;

use jiff::Timestamp;
use rand::RngExt as _;
use rand::distr::Alphanumeric;

use super::stored::Stored;
use crate::server::PathSecret;

/// For how many times [`PathTimes::spread`] the previous secret is accepted: an API server sees a changed
/// registration within seconds, and under load within minutes.
const OVERLAP: u32 = 10;

/// The length of the random name of a process.
const TERM: usize = 12;

/// How long a secret path is used, and how long a new one takes to propagate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PathTimes {
    /// From one renewal to the next.
    pub(crate) lifetime: Duration,
    /// Until every replica knows a new secret.
    pub(crate) spread: Duration,
}

/// When the secret path is renewed.
#[derive(Clone, Debug)]
pub(crate) struct PathRenewal {
    pub(crate) times: PathTimes,
    /// Names this process: when it acquires the Lease, it renews a secret that another process made.
    term: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Make the first secret; or if the Secret was deleted, keep the registered one until the next.
    Begin,
    /// Make the next secret, for replicas to accept.
    Introduce,
    /// Make the next secret the current one, for the registration to name.
    Promote,
    /// Wait until the registration names the current secret.
    Register,
    /// Note the time, when the registration names it.
    Spread,
    /// Remove the previous secret.
    Retire,
    /// Wait until this time.
    Wait(Timestamp),
}

impl PathTimes {
    /// Returns for how long the previous secret is accepted.
    pub(super) fn overlap(self) -> Duration {
        self.spread.saturating_mul(OVERLAP)
    }

    /// Returns whether a renewal ends before the next one starts.
    pub(crate) fn leave_room(self) -> bool {
        let renewal = self.spread.saturating_mul(OVERLAP + 2);
        renewal <= self.lifetime && !self.lifetime.is_zero()
    }
}

impl PathRenewal {
    /// Returns the renewal of a process that has just started.
    pub(crate) fn of_this_process(times: PathTimes) -> Self {
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
        let overlap = renewal.times.overlap();
        if stored.next.is_some() {
            return stored.after(spread, Self::Promote, now);
        }
        if stored.previous.is_some() {
            let everywhere = registered.iter().all(|one| *one == stored.current);
            return if everywhere {
                stored.after(overlap, Self::Retire, now)
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

    /// Returns whether the step changes the Secret.
    pub(super) const fn changes(self) -> bool {
        !matches!(self, Self::Register | Self::Wait(_))
    }

    /// Returns the content of the Secret after the step.
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

    /// Describes the step for the log.
    pub(super) const fn description(self) -> &'static str {
        match self {
            Self::Begin => "the first secret path is made",
            Self::Introduce => "the next secret path is made, and replicas are to accept it",
            Self::Promote => "the registration is to name the next secret path",
            Self::Spread => "the registration names the secret path",
            Self::Retire => "the previous secret path is not accepted any more",
            Self::Register | Self::Wait(_) => "the Secret is repaired",
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

fn later(from: Timestamp, time: Duration) -> Timestamp {
    from.saturating_add(time).unwrap_or(Timestamp::MAX)
}
