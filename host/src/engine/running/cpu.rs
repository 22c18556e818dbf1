//! Measures the CPU time of a guest: that of its thread, while its future is polled. So a guest that the
//! operating system did not run is not blamed, and one that waits uses nothing.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use super::ticker::SHORT_TICK;

/// The CPU time that a guest has used and may use. The guest's store and the future that polls it share
/// it.
#[derive(Clone)]
pub(crate) struct CpuMeter(Arc<Meter>);

struct Meter {
    limit: Duration,
    time: Mutex<Time>,
}

#[derive(Default)]
struct Time {
    used: Duration,
    state: State,
}

#[derive(Clone, Copy, Default)]
enum State {
    /// Its future is not polled.
    #[default]
    Stopped,
    /// It has computed since the thread had used this much.
    Computing(Duration),
    /// It waits for the host, whose work it does not pay for.
    InHostCall,
}

impl CpuMeter {
    pub(super) fn new(limit: Duration) -> Self {
        Self(Arc::new(Meter {
            limit,
            time: Mutex::default(),
        }))
    }

    /// Begins to measure, because the guest's future is polled on this thread.
    pub(super) fn start(&self, now: Duration) {
        let mut time = self.time();
        if let State::Stopped = time.state {
            time.state = State::Computing(now);
        }
    }

    /// Ends that.
    pub(super) fn stop(&self, now: Duration) {
        let mut time = self.time();
        if let State::Computing(since) = time.state {
            time.used += now.saturating_sub(since);
            time.state = State::Stopped;
        }
    }

    pub(super) fn used(&self) -> Duration {
        self.time().used
    }

    /// Whether the guest has used all its CPU time, at an epoch tick.
    pub(super) fn is_exceeded(&self) -> bool {
        let now = cpu_time_of_thread();
        let mut time = self.time();
        if let State::Computing(since) = time.state {
            time.used += now.saturating_sub(since);
            time.state = State::Computing(now);
        } else {
            // The accessors of a snapshot are called outside of the future that is measured.
            time.used += SHORT_TICK;
        }
        time.used >= self.0.limit
    }

    /// Stops measuring while the guest waits for the host.
    pub(super) fn enter_host_call(&self) {
        self.stop(cpu_time_of_thread());
        self.time().state = State::InHostCall;
    }

    /// Goes on measuring.
    pub(super) fn leave_host_call(&self) {
        self.time().state = State::Computing(cpu_time_of_thread());
    }

    fn time(&self) -> MutexGuard<'_, Time> {
        self.0.time.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the CPU time that this thread has used since it began.
pub(super) fn cpu_time_of_thread() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

#[cfg(test)]
pub(super) mod tests {
    use std::hint::black_box;
    use std::thread;

    use super::*;

    #[test]
    fn time_in_which_the_thread_does_not_run_is_not_counted() {
        let meter = started();
        thread::sleep(Duration::from_millis(100));
        let used = stopped(&meter);
        assert!(used < Duration::from_millis(50), "{used:?}");
    }

    #[test]
    fn time_in_which_the_thread_computes_is_counted() {
        let meter = started();
        compute(Duration::from_millis(20));
        let used = stopped(&meter);
        assert!(used >= Duration::from_millis(20), "{used:?}");
    }

    #[test]
    fn work_of_others_on_the_thread_is_not_counted() {
        let meter = started();
        stopped(&meter);
        compute(Duration::from_millis(50));
        meter.start(cpu_time_of_thread());
        let used = stopped(&meter);
        assert!(used < Duration::from_millis(25), "{used:?}");
    }

    #[test]
    fn work_of_the_host_for_the_guest_is_not_counted() {
        let meter = started();
        meter.enter_host_call();
        compute(Duration::from_millis(50));
        // The call waits, and its future is polled again.
        meter.stop(cpu_time_of_thread());
        meter.start(cpu_time_of_thread());
        compute(Duration::from_millis(50));
        meter.leave_host_call();
        let used = stopped(&meter);
        assert!(used < Duration::from_millis(50), "{used:?}");
    }

    #[test]
    fn guest_has_exceeded_its_limit_when_it_has_used_it() {
        let meter = CpuMeter::new(Duration::from_millis(20));
        meter.start(cpu_time_of_thread());
        let mut ticks = 0;
        while !meter.is_exceeded() {
            compute(Duration::from_millis(5));
            ticks += 1;
        }
        assert!((1..=4).contains(&ticks), "{ticks}");
    }

    fn started() -> CpuMeter {
        let meter = CpuMeter::new(Duration::from_secs(1));
        meter.start(cpu_time_of_thread());
        meter
    }

    fn stopped(meter: &CpuMeter) -> Duration {
        meter.stop(cpu_time_of_thread());
        meter.used()
    }

    /// Uses so much CPU time of this thread.
    pub(in crate::engine::running) fn compute(time: Duration) {
        let begun = cpu_time_of_thread();
        let mut number = 0_u64;
        while cpu_time_of_thread() - begun < time {
            number = black_box(number.wrapping_add(1));
        }
    }
}
