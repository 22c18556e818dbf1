//! What the host keeps for one running guest.

use std::sync::Arc;

use jiff::Timestamp;
use rollgate_model::Rollout;
use tokio::time::Instant;

use super::abi::Handed;
use super::gate::{Budget, Grants};
use super::limits::{Limits, Usage};
use super::log::GuestLog;
use super::wasi::EmptyWasi;
use crate::sources::Sources;

/// One rollout and the world it is judged in: shared by all policies that judge it.
pub struct Review {
    /// What changes.
    pub rollout: Rollout,
    /// The instant that every policy is told; the clock was asked once.
    pub now: Timestamp,
    /// Where facts come from.
    pub sources: Sources,
    /// Names this review in logs: the request's uid, or a file's name.
    pub id: String,
    /// What every guest is handed alike, converted once.
    pub(super) handed: Handed,
}

impl Review {
    /// A review that is about to begin: the clock is asked now, and only now.
    #[must_use]
    pub fn new(id: String, rollout: Rollout, sources: Sources) -> Self {
        let now = sources.clock.now();
        Self {
            rollout,
            now,
            sources,
            id,
            handed: Handed::default(),
        }
    }

    /// The same review, as a policy is shown it which the change leaves.
    #[must_use]
    pub fn leaving(&self) -> Self {
        Self {
            rollout: self.rollout.leaving(),
            now: self.now,
            sources: self.sources.clone(),
            id: self.id.clone(),
            handed: Handed::default(),
        }
    }

    /// The instant, for a policy that asks.
    pub(super) fn tell_now(&self) -> Timestamp {
        self.sources.clock.shown();
        self.now
    }
}

/// The data of a store.
pub(super) struct HostState {
    pub(super) phase: Phase,
    pub(super) usage: Usage,
    pub(super) log: GuestLog,
    pub(super) wasi: Option<Box<EmptyWasi>>,
    /// What the guest said as it began to panic.
    pub(super) panic: Option<String>,
}

/// What the guest is being asked.
pub(super) enum Phase {
    /// `describe` or `configure`: the world is out of reach.
    Loading {
        during: &'static str,
        /// The first host call that should not have been made.
        asked_too_early: Option<&'static str>,
    },
    /// `evaluate`.
    Judging(Judging),
}

/// An evaluation under way.
pub(super) struct Judging {
    pub(super) review: Arc<Review>,
    pub(super) grants: Arc<Grants>,
    pub(super) budget: Budget,
    /// The host call that is being waited for, in words.
    pub(super) waiting_for: Option<String>,
}

impl HostState {
    pub(super) fn loading(during: &'static str, policy: &Arc<str>, limits: &Limits) -> Self {
        Self {
            phase: Phase::Loading {
                during,
                asked_too_early: None,
            },
            usage: Usage::new(limits),
            log: GuestLog::new(Arc::clone(policy), None),
            wasi: None,
            panic: None,
        }
    }

    pub(super) fn judging(
        review: &Arc<Review>,
        grants: &Arc<Grants>,
        policy: &Arc<str>,
        limits: &Limits,
    ) -> Self {
        Self {
            phase: Phase::Judging(Judging {
                review: Arc::clone(review),
                grants: Arc::clone(grants),
                budget: Budget::default(),
                waiting_for: None,
            }),
            usage: Usage::new(limits),
            log: GuestLog::new(Arc::clone(policy), Some(Arc::clone(review))),
            wasi: None,
            panic: None,
        }
    }

    /// Waits for a source, off the guest's account of CPU time.
    pub(super) async fn wait<T>(&mut self, answer: impl Future<Output = T>) -> T {
        let begun = Instant::now();
        let answer = answer.await;
        self.usage.waited(begun.elapsed());
        if let Phase::Judging(judging) = &mut self.phase {
            judging.waiting_for = None;
        }
        answer
    }

    /// The evaluation that `call` may be made in; a trap while the policy is being loaded.
    pub(super) fn judging_for(&mut self, call: &'static str) -> wasmtime::Result<&mut Judging> {
        match &mut self.phase {
            Phase::Judging(judging) => Ok(judging),
            Phase::Loading {
                asked_too_early, ..
            } => {
                asked_too_early.get_or_insert(call);
                wasmtime::bail!("`{call}` called before there was a rollout")
            }
        }
    }
}
