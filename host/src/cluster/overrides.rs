//! Overrides as objects of the cluster: `RolloutOverride`.
//!
//! They are watched, so that a review without one costs nothing. One that would let a rollout pass
//! is looked at once more at the API server, so that one that was deleted a moment ago lets nothing
//! pass, and one for a single template is bound to it before the answer says yes. That write names
//! the version that was read: of two replicas that bind the same override to two templates, one is
//! refused. Before it, the object of the review is held against the one that the API server has, so that
//! a review that somebody made up binds nothing.

mod bind;
mod index;
mod live_object;
mod read;
mod record;
mod standing;

use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use kube::Client;
use rollgate_model::Workload;
use tokio::time::{Instant, timeout_at};

use crate::admission::Writing;
use crate::admission::overrides::{
    Override, OverrideDecision, OverrideRequest, Overrides, RejectedOverride, RejectionReason,
    Selection, select,
};
use bind::{Binder, Checked};
use index::Index;
use read::Known;

pub use index::OverrideWatch;
pub use record::Recorder;
pub use standing::OverrideStatus;

/// How often overrides are looked at anew where others change them meanwhile; the deadline comes
/// first as a rule.
const TRIES: usize = 8;

/// The overrides of a cluster.
pub struct KubeOverrides {
    index: Index,
    binder: Binder,
    record: record::Queue,
}

/// What keeps overrides beside the reviews: each part runs for ever, or until it is stopped.
pub struct OverrideDuties {
    /// Follows the objects.
    pub watch: OverrideWatch,
    /// Writes down uses that need not be written before they count.
    pub recorder: Recorder,
    /// Says in each object how it stands; for the holder of the Lease.
    pub status: OverrideStatus,
}

impl KubeOverrides {
    /// The overrides of a cluster, and what has to run for them. `watching` is a client whose
    /// requests may take long, those of `brief` end soon.
    #[must_use]
    pub fn new(watching: Client, brief: Client) -> (Self, OverrideDuties) {
        let (index, watch) = index::new(watching);
        let (record, recorder) = record::new(brief.clone());
        let status = OverrideStatus::new(brief.clone(), index.clone());
        let overrides = Self {
            index,
            binder: Binder::new(brief),
            record,
        };
        let duties = OverrideDuties {
            watch,
            recorder,
            status,
        };
        (overrides, duties)
    }

    /// Plans by what is known, holds the plan against the API server, and plans again where that
    /// knows better.
    async fn rule(&self, plea: &OverrideRequest<'_>) -> OverrideDecision {
        let mut known = self.index.of(plea.rollout.subject());
        let mut failed = Vec::new();
        for _ in 0..TRIES {
            let terms: Vec<_> = known.iter().map(|one| Arc::clone(&one.terms)).collect();
            let selection = select(&terms, plea);
            if selection.passed.is_empty() {
                return refused(selection, failed);
            }
            let Some((name, checked)) = self.first_obstacle(&selection, &known, plea).await else {
                self.write_down(&selection, plea);
                return OverrideDecision {
                    passed: selection.passed,
                    rejected: [failed, selection.rejected].concat(),
                };
            };
            let at = known.iter().position(|one| one.terms.name == name);
            let at = at.expect("the plan is made of what is known");
            match checked {
                Checked::Stands => {}
                Checked::Changed(fresh) => known[at] = fresh,
                Checked::Fails(why) => {
                    known.remove(at);
                    failed.push(RejectedOverride { name, reason: why });
                }
            }
        }
        OverrideDecision {
            passed: vec![],
            rejected: names_of(&known, "others kept changing it"),
        }
    }

    /// The first override of a plan that is not as it was known, or cannot be bound.
    async fn first_obstacle(
        &self,
        plan: &Selection,
        known: &[Arc<Known>],
        plea: &OverrideRequest<'_>,
    ) -> Option<(String, Checked)> {
        let used = known.iter().filter(|one| uses(plan, &one.terms));
        for one in used {
            match self.binder.check(one, plan.template, plea).await {
                Checked::Stands => {}
                obstacle => return Some((one.terms.name.clone(), obstacle)),
            }
        }
        None
    }

    fn write_down(&self, plan: &Selection, plea: &OverrideRequest<'_>) {
        let Writing::Allowed(access) = plea.writing else {
            return;
        };
        let mut told: Vec<&Arc<Override>> = Vec::new();
        for (_, one) in &plan.passed {
            if !told.contains(&one) && !one.is_unbound() {
                told.push(one);
                self.record.add(one, plan.template, plea, access);
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
        plea: OverrideRequest<'a>,
        deadline: Instant,
    ) -> BoxFuture<'a, OverrideDecision> {
        async move {
            let in_time = timeout_at(deadline, self.rule(&plea)).await;
            in_time.unwrap_or_else(|_| OverrideDecision {
                passed: vec![],
                rejected: names_of(
                    &self.index.of(plea.rollout.subject()),
                    "the API server did not answer in time",
                ),
            })
        }
        .boxed()
    }
}

fn uses(plan: &Selection, terms: &Override) -> bool {
    plan.passed.iter().any(|(_, one)| one.name == terms.name)
}

fn refused(plan: Selection, failed: Vec<RejectedOverride>) -> OverrideDecision {
    OverrideDecision {
        passed: vec![],
        rejected: [failed, plan.rejected].concat(),
    }
}

fn names_of(known: &[Arc<Known>], why: &str) -> Vec<RejectedOverride> {
    let refused = known.iter().map(|one| RejectedOverride {
        name: one.terms.name.clone(),
        reason: RejectionReason::NotRecorded(why.to_owned()),
    });
    refused.collect()
}
