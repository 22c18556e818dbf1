//! Measures the CPU time of a guest, and makes guests that compute for long take turns.
//!
//! At each epoch tick the guest is stopped for a moment. What it has used is the CPU time of its thread,
//! so a guest that the operating system did not run is not blamed. A guest that ends before its first
//! tick is not measured at all. One that goes on needs a turn for each further tick, and there are fewer
//! turns than processors: however many guests compute for long, the others find a processor.

use std::cell::Cell;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use super::limits::TICK;
use super::shares::{Claimant, Permit, Rule, Shares};

/// Returns the turns of this machine: one processor is left to evaluations that end soon.
pub(crate) fn turns() -> Arc<Shares> {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    Shares::new(processors.saturating_sub(1).max(1), Rule::UseAll)
}

/// The CPU time that a guest has used and may use.
pub(crate) struct CpuMeter {
    claimant: Claimant,
    limit: Duration,
    used: Duration,
    /// `None` before the first tick, or the first wait.
    stretch: Option<Arc<Mutex<Stretch>>>,
}

/// The present stretch of computing. The guest's store and the future that waits for the next turn
/// share it; only one of them runs at a time.
#[derive(Default)]
struct Stretch {
    since: Option<Mark>,
    turn: Option<Permit>,
}

/// Whether a guest may go on.
pub(super) enum Tick {
    /// When this future is done.
    After(Pin<Box<dyn Future<Output = ()> + Send>>),
    /// It has used all its CPU time.
    Exceeded,
}

impl CpuMeter {
    pub(super) fn new(claimant: Claimant, limit: Duration) -> Self {
        Self {
            claimant,
            limit,
            used: Duration::ZERO,
            stretch: None,
        }
    }

    /// Whether the guest is waiting for its turn.
    pub(super) fn is_waiting(&self) -> bool {
        let stretch = self.stretch.as_deref();
        stretch.is_some_and(|stretch| lock(stretch).since.is_none())
    }

    /// Ends a stretch at an epoch tick.
    pub(super) fn tick(&mut self, turns: &Arc<Shares>) -> Tick {
        let stretch = self.end_stretch();
        lock(&stretch).turn = None;
        if self.used >= self.limit {
            return Tick::Exceeded;
        }
        let (turns, claimant) = (Arc::clone(turns), self.claimant.clone());
        Tick::After(Box::pin(async move {
            tokio::task::yield_now().await;
            let turn = turns.acquire(&claimant).await;
            begin(&stretch, Some(turn));
        }))
    }

    /// Ends a stretch because the guest waits for the host. Returns its turn's queue, if it has one.
    pub(super) fn pause(&mut self) -> Option<Arc<Shares>> {
        let stretch = self.end_stretch();
        let turn = lock(&stretch).turn.take();
        turn.map(|turn| Arc::clone(turn.shares()))
    }

    /// Begins a stretch after a wait, with a turn of this queue.
    pub(super) async fn resume(&mut self, turns: Option<Arc<Shares>>) {
        let turn = match turns {
            Some(turns) => Some(turns.acquire(&self.claimant).await),
            None => None,
        };
        begin(self.stretch.get_or_insert_default(), turn);
    }

    /// Adds what was used since the stretch began. Before the first tick this is not known; it is less
    /// than a tick, and is not counted.
    fn end_stretch(&mut self) -> Arc<Mutex<Stretch>> {
        let stretch = Arc::clone(self.stretch.get_or_insert_default());
        if let Some(since) = lock(&stretch).since.take() {
            self.used += since.used();
        }
        stretch
    }
}

fn begin(stretch: &Mutex<Stretch>, turn: Option<Permit>) {
    let mut stretch = lock(stretch);
    stretch.turn = turn;
    stretch.since = Some(Mark::now());
}

fn lock(stretch: &Mutex<Stretch>) -> MutexGuard<'_, Stretch> {
    stretch.lock().unwrap_or_else(PoisonError::into_inner)
}

thread_local! {
    /// Counts the polls of guests on this thread.
    static POLLS: Cell<u64> = const { Cell::new(0) };
}

/// The moment when a guest goes on on a thread.
struct Mark {
    thread: ThreadId,
    poll: u64,
    cpu: Duration,
    at: Instant,
}

impl Mark {
    fn now() -> Self {
        Self {
            thread: thread::current().id(),
            poll: POLLS.get(),
            cpu: cpu_time_of_thread(),
            at: Instant::now(),
        }
    }

    /// Returns the CPU time since then. If other work came between (a guest in WASI may wait without the
    /// meter's knowledge), it is not known: no more than a tick is counted.
    fn used(&self) -> Duration {
        let now = Self::now();
        if (now.thread, now.poll) == (self.thread, self.poll) {
            now.cpu.saturating_sub(self.cpu)
        } else {
            now.at.duration_since(self.at).min(TICK)
        }
    }
}

fn cpu_time_of_thread() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// The call of a guest; its polls are counted.
pub(crate) struct Metered<F>(pub(crate) F);

impl<F: Future + Unpin> Future for Metered<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        POLLS.set(POLLS.get().wrapping_add(1));
        Pin::new(&mut self.0).poll(context)
    }
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;
    use std::pin::pin;

    use super::super::shares::Account;
    use super::*;

    #[test]
    fn time_in_which_the_thread_does_not_run_is_not_counted() {
        let since = Mark::now();
        thread::sleep(Duration::from_millis(100));
        let used = since.used();
        assert!(used < Duration::from_millis(50), "{used:?}");
    }

    #[test]
    fn time_in_which_the_thread_computes_is_counted() {
        let since = Mark::now();
        compute(Duration::from_millis(20));
        let used = since.used();
        assert!(used >= Duration::from_millis(20), "{used:?}");
    }

    #[test]
    fn other_guests_on_the_thread_are_not_counted() {
        let since = Mark::now();
        let other = pin!(async { compute(Duration::from_millis(50)) });
        assert!(poll(Metered(other)).is_ready());
        assert!(since.used() <= TICK);
    }

    #[test]
    fn guest_is_stopped_when_it_has_used_its_time() {
        let turns = Shares::new(1, Rule::UseAll);
        let mut meter = meter(Duration::from_millis(20));
        let mut ticks = 0;
        while let Tick::After(turn) = meter.tick(&turns) {
            wait(turn);
            compute(Duration::from_millis(5));
            ticks += 1;
        }
        assert!((1..=4).contains(&ticks), "{ticks}");
    }

    #[test]
    fn guest_that_computes_for_long_gives_its_turn_to_others() {
        let turns = Shares::new(1, Rule::UseAll);
        let [mut first, mut second] = [0; 2].map(|_| meter(Duration::from_secs(1)));
        let Tick::After(turn) = first.tick(&turns) else {
            panic!("it has computed for no time")
        };
        wait(turn);
        let Tick::After(mut waiting) = second.tick(&turns) else {
            panic!("it has computed for no time")
        };
        // It yields once, and then waits for the turn.
        for _ in 0..3 {
            assert!(poll(waiting.as_mut()).is_pending());
        }
        let queue = first.pause();
        assert!(queue.is_some(), "it gets a turn again after its wait");
        assert!(poll(waiting.as_mut()).is_ready());
    }

    fn meter(limit: Duration) -> CpuMeter {
        let policy: Arc<str> = "policy".into();
        let owner = Account::owner_of(&policy);
        CpuMeter::new(Claimant::new(&policy, &owner, &"shop".into()), limit)
    }

    fn wait(mut turn: Pin<Box<dyn Future<Output = ()> + Send>>) {
        while poll(turn.as_mut()).is_pending() {}
    }

    fn poll<F: Future + Unpin>(mut future: F) -> Poll<F::Output> {
        Pin::new(&mut future).poll(&mut Context::from_waker(std::task::Waker::noop()))
    }

    /// Uses so much CPU time of this thread.
    fn compute(time: Duration) {
        let begun = cpu_time_of_thread();
        let mut number = 0_u64;
        while cpu_time_of_thread() - begun < time {
            number = black_box(number.wrapping_add(1));
        }
    }
}
