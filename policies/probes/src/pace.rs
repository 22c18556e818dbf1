//! The times at which the kubelet acts on a probe, after its prober's worker loop.
//!
//! A probe first runs at the first tick after `initialDelaySeconds`, counted from the start of the
//! container, and then once a tick, one at a time. Ticks are not aligned with the start or with the
//! failure, so every time below is the earliest or the latest of a range one period wide.

use rollgate_sdk::Probe;

/// The numbers of a probe, in seconds and counts; wide enough that no product overflows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    pub(crate) delay: i64,
    pub(crate) period: i64,
    pub(crate) timeout: i64,
    pub(crate) failures: i64,
    pub(crate) successes: i64,
}

impl Pace {
    /// Takes the numbers of a probe. Manifests may have values that the API server refuses; these
    /// count as the lowest allowed value.
    pub(crate) fn of(probe: &Probe) -> Self {
        Self {
            delay: i64::from(probe.initial_delay_seconds.max(0)),
            period: i64::from(probe.period_seconds.max(1)),
            timeout: i64::from(probe.timeout_seconds.max(1)),
            failures: i64::from(probe.failure_threshold.max(1)),
            successes: i64::from(probe.success_threshold.max(1)),
        }
    }

    /// Returns the seconds from when the check begins to fail until the earliest verdict on it: the
    /// first failure may come at once, and a refused connection takes no time.
    pub(crate) fn earliest_failure(self) -> i64 {
        self.period * (self.failures - 1)
    }

    /// Returns the seconds from when the check begins to fail until the latest verdict on it: the
    /// first failure may come a whole period later.
    pub(crate) fn latest_failure(self) -> i64 {
        self.period * self.failures
    }

    /// Returns the seconds from the container's start until a check that never succeeds may fail.
    pub(crate) fn earliest_failure_of_start(self) -> i64 {
        self.delay + self.earliest_failure()
    }

    /// Returns the seconds from the container's start until this probe may have succeeded.
    pub(crate) fn earliest_success_of_start(self) -> i64 {
        self.delay + self.period * (self.successes - 1)
    }

    /// Returns the seconds that this probe, as a startup probe, gives the container to start.
    pub(crate) fn allowed_start(self) -> i64 {
        self.delay + self.latest_failure()
    }
}
