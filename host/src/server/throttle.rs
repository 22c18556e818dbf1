//! Limits how often the same thing is logged.

use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Lets one event through per interval and counts the others, so that a client that fails a thousand
/// times a second does not fill the log.
#[derive(Debug)]
pub(super) struct Throttle {
    every: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last: Option<Instant>,
    suppressed: u64,
}

impl Throttle {
    pub(super) fn new(every: Duration) -> Self {
        Self {
            every,
            state: Mutex::default(),
        }
    }

    /// Returns how many events were suppressed since the last one that passed, or `None` if this one is
    /// suppressed too.
    pub(super) fn pass(&self) -> Option<u64> {
        let mut state = self
            .state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let now = Instant::now();
        if state
            .last
            .is_some_and(|last| now.duration_since(last) < self.every)
        {
            state.suppressed += 1;
            return None;
        }
        state.last = Some(now);
        Some(std::mem::take(&mut state.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_event_passes_and_the_next_one_counts_the_suppressed() {
        let throttle = Throttle::new(Duration::from_millis(20));
        assert_eq!(throttle.pass(), Some(0));
        assert_eq!(throttle.pass(), None);
        assert_eq!(throttle.pass(), None);
        std::thread::sleep(Duration::from_millis(25));
        assert_eq!(throttle.pass(), Some(2));
    }
}
