//! The main path: a review comes in, the rollout in it is told apart, the policies that match it
//! are heard, and their verdicts make one decision.

mod annotations;
mod decision;
mod message;
mod path;
mod plain;
#[cfg(test)]
mod tests;
mod warnings;
mod wire;

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::join_all;
use rollgate_model::{Reviewed, Revisions, Rollout};
use tokio::time::Instant;

pub use decision::{Answer, Decision, Judged, Unjudged};
pub use wire::{BadRequest, Reply};

use crate::config::{Policy, PolicySet, State};
use crate::engine::Review;
use crate::sources::Sources;
use crate::telemetry::{Decided, ReviewOutcome, Said, Telemetry};
use wire::Asked;

/// Decides over rollouts by a set of policies and the sources that they ask. A reload makes another
/// gate, so that one review never meets the policies of one set and the sources of another.
#[derive(Clone)]
pub struct Gate {
    policies: Arc<PolicySet>,
    sources: Sources,
    telemetry: Telemetry,
}

impl Gate {
    /// A gate that hears the policies of a set.
    #[must_use]
    pub fn new(policies: Arc<PolicySet>, sources: Sources, telemetry: Telemetry) -> Self {
        Self {
            policies,
            sources,
            telemetry,
        }
    }

    /// The policies that are heard.
    #[must_use]
    pub fn policies(&self) -> &PolicySet {
        &self.policies
    }

    /// Answers an AdmissionReview, by `deadline` at the latest.
    ///
    /// # Errors
    /// Where the body is so broken that no answer to it can be formed.
    pub async fn answer(&self, body: Bytes, deadline: Instant) -> Result<Reply, BadRequest> {
        let asked = match Asked::read(&body)? {
            Ok(asked) => asked,
            Err(unreadable) => return Ok(self.invalid(unreadable)),
        };
        drop(body);
        let Asked { uid, request } = asked;
        let Some(request) = request else {
            return Ok(self.unmatched(uid, "not a workload of rollgate"));
        };
        // Earlier revisions come from the cluster, which this host is not connected to.
        let revisions = Revisions::Unknown {
            why: "this rollgate is not connected to a cluster".into(),
        };
        match Rollout::from_request(request, &revisions) {
            Ok(Reviewed::Rollout(rollout)) => Ok(self.decide(uid, *rollout, deadline).await),
            Ok(Reviewed::NotARollout { why }) => Ok(self.unmatched(uid, why)),
            Err(error) => Ok(self.invalid(wire::Unreadable::object(uid, &error))),
        }
    }

    /// Hears every policy that matches a rollout. `id` names the review in logs.
    pub async fn judge(&self, id: &str, rollout: Rollout, deadline: Instant) -> Decision {
        let review = Arc::new(Review::new(id.to_owned(), rollout, self.sources.clone()));
        let matching = self.policies.matching(&review.rollout);
        let judged = join_all(matching.map(|policy| hear(policy, &review, deadline))).await;
        Decision::of(review, judged)
    }

    async fn decide(&self, uid: String, rollout: Rollout, deadline: Instant) -> Reply {
        let decision = self.judge(&uid, rollout, deadline).await;
        self.count(&decision);
        decision.log();
        wire::decided(uid, &decision)
    }

    fn unmatched(&self, uid: String, why: &'static str) -> Reply {
        tracing::debug!(uid, why, "allowed: not a rollout");
        self.telemetry.review(ReviewOutcome::Unmatched);
        wire::allowed(uid)
    }

    fn invalid(&self, unreadable: wire::Unreadable) -> Reply {
        tracing::warn!(
            uid = unreadable.uid,
            reason = unreadable.message,
            "refused: the review cannot be read"
        );
        self.telemetry.review(ReviewOutcome::Invalid);
        wire::invalid(unreadable)
    }

    fn count(&self, decision: &Decision) {
        let rollout = decision.rollout();
        for judged in decision.judged() {
            let policy = judged.policy.shared();
            let said = match &judged.said {
                Ok(verdict) => (&verdict.outcome).into(),
                Err(error) => {
                    self.telemetry.error(policy, error.kind());
                    Said::Error
                }
            };
            self.telemetry.evaluation(policy, judged.took);
            let (change, kind) = (rollout.change().as_str(), rollout.subject().kind().as_str());
            self.telemetry.decision(&Decided {
                policy,
                said,
                change,
                kind,
            });
        }
        self.telemetry.review(match decision.answer() {
            _ if decision.judged().is_empty() => ReviewOutcome::Unmatched,
            Answer::Allow => ReviewOutcome::Allowed,
            Answer::Hold(_) => ReviewOutcome::Held,
            Answer::Deny => ReviewOutcome::Denied,
        });
    }
}

async fn hear(policy: &Policy, review: &Arc<Review>, deadline: Instant) -> Judged {
    let begun = Instant::now();
    let said = match &policy.state {
        State::Ready(loaded) => loaded
            .evaluate(review, deadline)
            .await
            .map_err(Unjudged::Failed),
        State::Refused(reason) => Err(Unjudged::NotLoaded(reason.to_string())),
    };
    Judged {
        policy: policy.name.clone(),
        action: policy.action,
        on_error: policy.on_error,
        said,
        took: begun.elapsed(),
    }
}
