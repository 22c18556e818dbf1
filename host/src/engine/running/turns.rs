//! Polls guests in turns, so that those who compute a lot leave a processor to the others.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::thread;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::cpu::{CpuMeter, cpu_time_of_thread};
use super::shares::{Claimant, Permit, Rule, Shares};

/// Returns the turns of this machine: as many as it has processors. On a single one, the operating system
/// divides the time between two.
pub(crate) fn of_this_machine() -> Arc<Shares> {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    Shares::new(processors.max(2), Rule::LeaveOne)
}

/// A guest's future that is only polled during a turn.
///
/// A turn ends when the guest waits, whatever it waits for: an epoch tick, the host, or a timer of its own.
/// The account is charged what the thread has used meanwhile.
pub(crate) struct InTurns<F> {
    guest: F,
    meter: CpuMeter,
    turns: Arc<Shares>,
    claimant: Claimant,
    next: Next,
}

/// What has to happen before the next poll.
enum Next {
    /// Nothing: the first stretch of a dry run needs no turn.
    Free,
    /// A turn has to be taken.
    Take,
    /// The turn is awaited.
    Wait(BoxFuture<'static, Permit>),
    /// The guest has ended, in this turn.
    Ended(Option<Permit>),
}

impl<F: Future + Unpin> InTurns<F> {
    /// Takes a turn before the guest begins.
    pub(crate) fn new(guest: F, meter: CpuMeter, turns: Arc<Shares>, claimant: Claimant) -> Self {
        Self {
            guest,
            meter,
            turns,
            claimant,
            next: Next::Take,
        }
    }

    /// Needs no turn before the guest's first tick. It must not run on a thread that others need.
    pub(crate) fn after_first_tick(self) -> Self {
        Self {
            next: Next::Free,
            ..self
        }
    }

    /// Whether the guest waits for its turn.
    pub(super) const fn is_waiting(&self) -> bool {
        matches!(self.next, Next::Wait(_))
    }

    /// Returns the turn in which the guest ended.
    pub(super) fn into_turn(self) -> Option<Permit> {
        match self.next {
            Next::Ended(turn) => turn,
            Next::Free | Next::Take | Next::Wait(_) => None,
        }
    }

    fn poll_turn(&mut self, context: &mut Context<'_>) -> Poll<Option<Permit>> {
        loop {
            match &mut self.next {
                Next::Free => return Poll::Ready(None),
                Next::Take => match self.turns.try_acquire(&self.claimant) {
                    Some(turn) => return Poll::Ready(Some(turn)),
                    None => {
                        let (turns, claimant) = (Arc::clone(&self.turns), self.claimant.clone());
                        let turn = async move { turns.acquire(&claimant).await };
                        self.next = Next::Wait(turn.boxed());
                    }
                },
                Next::Wait(turn) => return turn.poll_unpin(context).map(Some),
                Next::Ended(_) => unreachable!("a future is not polled after its end"),
            }
        }
    }
}

impl<F: Future + Unpin> Future for InTurns<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        let mut turn = ready!(this.poll_turn(context));
        let begun = cpu_time_of_thread();
        this.meter.start(begun);
        let polled = this.guest.poll_unpin(context);
        let ended = cpu_time_of_thread();
        this.meter.stop(ended);
        if let Some(turn) = &mut turn {
            turn.charge(ended.saturating_sub(begun));
        }
        this.next = match &polled {
            Poll::Ready(_) => Next::Ended(turn),
            Poll::Pending => Next::Take,
        };
        polled
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::future::{pending, poll_fn};
    use tokio::task::yield_now;

    use super::super::cpu::tests::compute;
    use super::super::shares::Account;
    use super::*;

    #[test]
    fn guest_that_waits_gives_its_turn_to_others() {
        let turns = Shares::new(1, Rule::LeaveOne);
        let mut waiting = in_turns(&turns, "first", pending::<()>().boxed());
        assert!(poll(&mut waiting).is_pending());
        let mut other = in_turns(&turns, "second", async {}.boxed());
        assert!(poll(&mut other).is_ready());
    }

    #[test]
    fn guest_keeps_its_turn_to_the_end() {
        let turns = Shares::new(1, Rule::LeaveOne);
        let mut first = in_turns(&turns, "first", async {}.boxed());
        assert!(poll(&mut first).is_ready());
        let mut second = in_turns(&turns, "second", async {}.boxed());
        assert!(poll(&mut second).is_pending());
        assert!(second.is_waiting());
        drop(first.into_turn());
        assert!(poll(&mut second).is_ready());
    }

    #[test]
    fn guest_that_computes_for_long_leaves_the_last_turn() {
        let turns = Shares::new(2, Rule::LeaveOne);
        let long = async {
            compute(Duration::from_millis(20));
            yield_now().await;
        };
        let mut long = in_turns(&turns, "long", long.boxed());
        assert!(poll(&mut long).is_pending());
        let _other = turns.try_acquire(&claimant("other"));
        assert!(poll(&mut long).is_pending());
        assert!(long.is_waiting());
        assert!(turns.try_acquire(&claimant("sound")).is_some());
    }

    #[test]
    fn dry_run_needs_no_turn_before_its_first_tick() {
        let turns = Shares::new(1, Rule::LeaveOne);
        let held = turns.try_acquire(&claimant("other"));
        let mut polls = 0;
        let guest = poll_fn(|context| {
            polls += 1;
            context.waker().wake_by_ref();
            if polls < 2 {
                Poll::Pending
            } else {
                Poll::Ready(())
            }
        });
        let mut dry_run = in_turns(&turns, "dry", guest.boxed()).after_first_tick();
        assert!(poll(&mut dry_run).is_pending());
        assert!(!dry_run.is_waiting());
        assert!(poll(&mut dry_run).is_pending());
        assert!(dry_run.is_waiting());
        drop(held);
        assert!(poll(&mut dry_run).is_ready());
    }

    fn in_turns<'a>(
        turns: &Arc<Shares>,
        policy: &str,
        guest: BoxFuture<'a, ()>,
    ) -> InTurns<BoxFuture<'a, ()>> {
        let meter = CpuMeter::new(Duration::from_secs(1));
        InTurns::new(guest, meter, Arc::clone(turns), claimant(policy))
    }

    fn claimant(policy: &str) -> Claimant {
        let policy: Arc<str> = policy.into();
        Claimant::new(&policy, &Account::owner_of(&policy), &policy)
    }

    fn poll<F: Future + Unpin>(mut future: F) -> Poll<F::Output> {
        Pin::new(&mut future).poll(&mut Context::from_waker(std::task::Waker::noop()))
    }
}
