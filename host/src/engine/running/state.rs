//! The data that the host keeps for one running guest.

use std::sync::Arc;

use jiff::Timestamp;
use rollgate_model::Rollout;

use super::grants::{CallBudget, Grants};
use super::limits::{Limits, Usage};
use super::log::GuestLog;
use super::wasi::EmptyWasi;
use crate::engine::abi::SharedContainers;
use crate::sources::Sources;

/// A rollout and the sources of facts about it. All policies that evaluate the rollout share it.
pub struct Review {
    /// The rollout.
    pub rollout: Rollout,
    /// The time that every policy sees; the clock was read once.
    pub now: Timestamp,
    /// Where facts come from.
    pub sources: Sources,
    /// Identifies this review in logs: the request's uid, or a file's name.
    pub id: String,
    /// The namespace of the object.
    pub(crate) namespace: Arc<str>,
    /// The containers, converted once for all guests.
    pub(crate) containers: SharedContainers,
}

impl Review {
    /// Starts a review. Reads the clock now, and only now.
    #[must_use]
    pub fn new(id: String, rollout: Rollout, sources: Sources) -> Self {
        let now = sources.clock.now();
        Self {
            namespace: rollout.subject().namespace().into(),
            rollout,
            now,
            sources,
            id,
            containers: SharedContainers::default(),
        }
    }

    /// Returns the review as a policy sees it if the change takes the workload out of its labels.
    #[must_use]
    pub(crate) fn leaving(&self) -> Self {
        Self {
            rollout: self.rollout.leaving(),
            now: self.now,
            sources: self.sources.clone(),
            id: self.id.clone(),
            namespace: Arc::clone(&self.namespace),
            containers: SharedContainers::default(),
        }
    }

    /// Returns the time for a policy that asks for it, and records that one did.
    pub(crate) fn read_clock(&self) -> Timestamp {
        self.sources.clock.on_read();
        self.now
    }
}

/// The data of a store.
pub(crate) struct HostState {
    pub(crate) phase: Phase,
    pub(crate) usage: Usage,
    pub(crate) log: GuestLog,
    pub(crate) wasi: Option<Box<EmptyWasi>>,
    /// The guest's panic message.
    pub(crate) panic: Option<String>,
}

/// The call that the guest is running.
pub(crate) enum Phase {
    /// `describe` or `configure`: there are no metrics and no cluster.
    Loading {
        during: &'static str,
        /// The first host call that is not allowed yet.
        early_call: Option<&'static str>,
    },
    /// `evaluate`.
    Evaluating(Evaluation),
}

/// A running evaluation.
pub(crate) struct Evaluation {
    pub(crate) review: Arc<Review>,
    pub(crate) grants: Arc<Grants>,
    pub(crate) budget: CallBudget,
    /// The host call that the guest waits for, as text for messages.
    pub(crate) waiting_for: Option<String>,
}

impl HostState {
    pub(crate) fn for_loading(during: &'static str, policy: &Arc<str>, limits: &Limits) -> Self {
        Self {
            phase: Phase::Loading {
                during,
                early_call: None,
            },
            usage: Usage::new(limits),
            log: GuestLog::new(Arc::clone(policy), None),
            wasi: None,
            panic: None,
        }
    }

    pub(crate) fn for_evaluation(
        review: &Arc<Review>,
        grants: &Arc<Grants>,
        policy: &Arc<str>,
        limits: &Limits,
    ) -> Self {
        Self {
            phase: Phase::Evaluating(Evaluation {
                review: Arc::clone(review),
                grants: Arc::clone(grants),
                budget: CallBudget::default(),
                waiting_for: None,
            }),
            usage: Usage::new(limits),
            log: GuestLog::new(Arc::clone(policy), Some(Arc::clone(review))),
            wasi: None,
            panic: None,
        }
    }

    /// Waits for a source. The time does not count as CPU time of the guest.
    pub(crate) async fn wait<T>(&mut self, answer: impl Future<Output = T>) -> T {
        self.usage.cpu.enter_host_call();
        let answer = answer.await;
        self.usage.cpu.leave_host_call();
        if let Phase::Evaluating(evaluation) = &mut self.phase {
            evaluation.waiting_for = None;
        }
        answer
    }

    /// Returns the running evaluation. Traps if the guest makes `call` while it is being loaded.
    pub(crate) fn evaluation(&mut self, call: &'static str) -> wasmtime::Result<&mut Evaluation> {
        match &mut self.phase {
            Phase::Evaluating(evaluation) => Ok(evaluation),
            Phase::Loading { early_call, .. } => {
                early_call.get_or_insert(call);
                wasmtime::bail!("`{call}` called before there was a rollout")
            }
        }
    }
}
