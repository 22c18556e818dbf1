//! The instance of one evaluation, and how it is torn down.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use wasmtime::Store;

use super::cpu::cpu_time_of_thread;
use super::shares::{Claimant, Permit, Shares};
use super::state::HostState;

/// A store with its slot in the pool. Tearing it down may take milliseconds, since its memories and tables
/// are cleared, so that is done in a turn too: in the one in which the guest ended, or, if it was stopped
/// while it waited, in a later one, for which nobody waits.
pub(super) struct Sandbox {
    /// `None` once it is torn down.
    contents: Option<Contents>,
    turns: Arc<Shares>,
    claimant: Claimant,
}

struct Contents {
    store: Store<HostState>,
    /// The turn in which the guest ended.
    turn: Option<Permit>,
    slot: Permit,
}

const IN_USE: &str = "only its end takes the contents";

impl Sandbox {
    pub(super) const fn new(
        store: Store<HostState>,
        slot: Permit,
        turns: Arc<Shares>,
        claimant: Claimant,
    ) -> Self {
        let contents = Contents {
            store,
            turn: None,
            slot,
        };
        Self {
            contents: Some(contents),
            turns,
            claimant,
        }
    }

    pub(super) fn store(&mut self) -> &mut Store<HostState> {
        &mut self.contents.as_mut().expect(IN_USE).store
    }

    /// Keeps the turn in which the guest ended.
    pub(super) fn keep_turn(&mut self, turn: Option<Permit>) {
        self.contents.as_mut().expect(IN_USE).turn = turn;
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let Some(mut contents) = self.contents.take() else {
            return;
        };
        if contents.turn.is_some() || contents.never_began() {
            return contents.tear_down();
        }
        contents.turn = self.turns.try_acquire(&self.claimant);
        match Handle::try_current() {
            Ok(runtime) if contents.turn.is_none() => {
                let (turns, claimant) = (Arc::clone(&self.turns), self.claimant.clone());
                runtime.spawn(async move {
                    contents.turn = Some(turns.acquire(&claimant).await);
                    contents.tear_down();
                });
            }
            _ => contents.tear_down(),
        }
    }
}

impl Contents {
    fn never_began(&self) -> bool {
        self.store.data().usage.cpu.used() == Duration::ZERO
    }

    /// Ends the store before the slot and the turn are given back.
    fn tear_down(self) {
        let Self { store, turn, slot } = self;
        let begun = cpu_time_of_thread();
        drop(store);
        drop(slot);
        if let Some(mut turn) = turn {
            turn.charge(cpu_time_of_thread().saturating_sub(begun));
        }
    }
}
