//! Overrides that are objects of the cluster: `RolloutOverride`.
//!
//! They are watched, so that a review without one costs nothing. An override that would let a rollout
//! pass is read once more from the API server, so that one that was deleted a moment ago lets nothing
//! pass. An override for a single template is bound to it before the answer is yes. That write carries
//! the version that was read: if two replicas bind one override to two templates, one write fails.

mod bind;
mod index;
mod record;
mod status;

use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use rollgate_model::Workload;
use tokio::time::{Instant, timeout_at};

use super::Clients;
use crate::admission::Writing;
use crate::admission::overrides::{
    Override, OverrideDecision, OverrideRequest, Overrides, RejectedOverride, RejectionReason,
    Selection, select,
};
use bind::{Binder, Checked};
use index::{CachedOverride, Index, OverrideWatch};
use record::{Recorder, UseQueue};
use status::OverrideStatusWriter;

/// How often the decision is repeated because an override has changed; usually the deadline comes
/// first.
const MAX_TRIES: usize = 8;

/// The overrides of a cluster.
pub(super) struct KubeOverrides {
    index: Index,
    binder: Binder,
    uses: UseQueue,
}

/// The tasks beside reviews; each has a method `run`.
pub(super) struct OverrideTasks {
    pub(super) watch: OverrideWatch,
    pub(super) recorder: Recorder,
    /// For the replica that holds the Lease.
    pub(super) status: OverrideStatusWriter,
}

impl KubeOverrides {
    /// Returns the overrides of a cluster, and the tasks that have to run for them.
    pub(super) fn new(clients: &Clients) -> (Self, OverrideTasks) {
        let requests = || clients.requests.clone();
        let (index, watch) = index::new(clients.watches.clone());
        let (uses, recorder) = record::new(requests());
        let tasks = OverrideTasks {
            watch,
            recorder,
            status: OverrideStatusWriter::new(requests(), index.clone()),
        };
        let overrides = Self {
            index,
            binder: Binder::new(requests()),
            uses,
        };
        (overrides, tasks)
    }

    /// Decides by the cached overrides, checks those that would be used against the API server, and
    /// decides again if one has changed there.
    async fn try_decide(&self, request: &OverrideRequest<'_>) -> OverrideDecision {
        let mut known = self.index.of(request.rollout.subject());
        let mut failed = Vec::new();
        for _ in 0..MAX_TRIES {
            let terms: Vec<_> = known.iter().map(|one| Arc::clone(&one.terms)).collect();
            let selection = select(&terms, request);
            if selection.passed.is_empty() {
                return OverrideDecision {
                    passed: vec![],
                    rejected: [failed, selection.rejected].concat(),
                };
            }
            let Some((name, checked)) = self.first_unconfirmed(&selection, &known, request).await
            else {
                self.record(&selection, request);
                return OverrideDecision {
                    passed: selection.passed,
                    rejected: [failed, selection.rejected].concat(),
                };
            };
            let at = known.iter().position(|one| one.terms.name == name);
            let at = at.expect("overrides are selected from the known ones");
            match checked {
                Checked::Confirmed => {}
                Checked::Changed(newer) => known[at] = newer,
                Checked::Rejected(reason) => {
                    known.remove(at);
                    failed.push(RejectedOverride { name, reason });
                }
            }
        }
        reject_all(&known, "it kept changing")
    }

    /// Checks the selected overrides, and returns the first that has changed or cannot be bound.
    async fn first_unconfirmed(
        &self,
        selection: &Selection,
        known: &[Arc<CachedOverride>],
        request: &OverrideRequest<'_>,
    ) -> Option<(String, Checked)> {
        let is_used = |one: &CachedOverride| {
            let mut passing = selection.passed.iter();
            passing.any(|(_, used)| used.name == one.terms.name)
        };
        for one in known.iter().filter(|one| is_used(one)) {
            match self.binder.check(one, selection.template, request).await {
                Checked::Confirmed => {}
                unconfirmed => return Some((one.terms.name.clone(), unconfirmed)),
            }
        }
        None
    }

    fn record(&self, selection: &Selection, request: &OverrideRequest<'_>) {
        let Writing::Allowed(access) = request.writing else {
            return;
        };
        let mut recorded: Vec<&Arc<Override>> = Vec::new();
        for (_, one) in &selection.passed {
            if !recorded.contains(&one) && !one.is_unbound() {
                recorded.push(one);
                self.uses.add(one, selection.template, request, access);
            }
        }
    }
}

impl Overrides for KubeOverrides {
    fn any_for(&self, workload: &Workload) -> bool {
        self.index.any_for(workload)
    }

    fn decide<'a>(
        &'a self,
        request: OverrideRequest<'a>,
        deadline: Instant,
    ) -> BoxFuture<'a, OverrideDecision> {
        async move {
            let decision = timeout_at(deadline, self.try_decide(&request)).await;
            decision.unwrap_or_else(|_| {
                let known = self.index.of(request.rollout.subject());
                reject_all(&known, "the API server did not answer in time")
            })
        }
        .boxed()
    }
}

fn reject_all(known: &[Arc<CachedOverride>], why: &str) -> OverrideDecision {
    let rejected = known.iter().map(|one| RejectedOverride {
        name: one.terms.name.clone(),
        reason: RejectionReason::NotRecorded(why.to_owned()),
    });
    OverrideDecision {
        passed: vec![],
        rejected: rejected.collect(),
    }
}
