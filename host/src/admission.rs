//! The main path: a review comes in, the rollout in it is told apart, the policies that match it
//! are heard, and their verdicts make one decision.

mod annotations;
mod announcement;
mod caller;
mod decision;
mod history;
mod message;
mod namespace;
pub mod overrides;
mod plain;
mod referred;
mod telling;
#[cfg(test)]
mod tests;
mod warnings;
mod wire;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use rollgate_model::{Change, MutableTags, Read, Request, Reviewed, Rollout, ShapeError, Workload};
use tokio::time::Instant;

pub use announcement::{Announced, Announcement, Announcements};
pub use caller::{Caller, WriteAccess, Writing};
pub use decision::{Answer, Decision, Judged, Unjudged};
pub use referred::referred_template;
pub use wire::{BadRequest, Reply};

use crate::config::{Candidate, Matching, NamespaceLabels, Policy, PolicySet, State};
use crate::engine::Review;
use crate::sources::Sources;
use crate::telemetry::{ReviewOutcome, Telemetry};
use overrides::{Overrides, Plea};
use wire::Asked;

/// The part of the time for an answer that is kept for writing down the use of an override, and the
/// most of it.
const ROOM_FOR_OVERRIDES: (u32, Duration) = (4, Duration::from_secs(1));

const NO_POLICY_MATCHES: Reviewed = Reviewed::NotARollout {
    why: "no policy matches it, whichever change it is",
    relabelled: None,
};

/// Decides over rollouts by a set of policies and the sources that they ask. A reload makes another
/// gate, so that one review never meets the policies of one set and the sources of another.
#[derive(Clone)]
pub struct Gate {
    policies: Arc<PolicySet>,
    sources: Sources,
    telemetry: Telemetry,
    ties: Ties,
}

/// What ties a gate to a cluster; by default nothing does.
#[derive(Clone, Default)]
pub struct Ties {
    /// Where overrides are kept. Without it there are none.
    pub overrides: Option<Arc<dyn Overrides>>,
    /// Told of what happened to whom.
    pub announcements: Option<Arc<dyn Announcements>>,
    /// The users that Argo Rollouts' controller is.
    pub argo_controllers: Arc<[String]>,
    /// The tags of images that may name another image tomorrow.
    pub mutable_tags: MutableTags,
}

impl Gate {
    /// A gate that hears the policies of a set.
    #[must_use]
    pub fn new(policies: Arc<PolicySet>, sources: Sources, telemetry: Telemetry) -> Self {
        Self {
            policies,
            sources,
            telemetry,
            ties: Ties::default(),
        }
    }

    /// The same gate, tied to a cluster.
    #[must_use]
    pub fn tied(self, ties: Ties) -> Self {
        Self { ties, ..self }
    }

    /// The policies that are heard.
    #[must_use]
    pub fn policies(&self) -> &PolicySet {
        &self.policies
    }

    /// Answers an AdmissionReview, by `deadline` at the latest. Nothing is written for a caller that is
    /// unknown.
    ///
    /// # Errors
    /// Where the body is so broken that no answer to it can be formed.
    pub async fn answer(
        &self,
        body: Bytes,
        caller: Caller,
        deadline: Instant,
    ) -> Result<Reply, BadRequest> {
        let asked = match Asked::read(&body, &self.ties.argo_controllers)? {
            Ok(asked) => asked,
            Err(unreadable) => return Ok(self.invalid(unreadable)),
        };
        drop(body);
        let Asked { uid, request } = asked;
        let Some(request) = request else {
            return Ok(self.unmatched(uid, "not a workload of rollgate"));
        };
        Ok(match self.classify(request, deadline).await {
            Ok(Reviewed::Rollout(rollout)) => self.decide(uid, *rollout, caller, deadline).await,
            Ok(Reviewed::NotARollout { why, relabelled }) => match relabelled {
                Some(update) if self.is_matched(&update, deadline).await => {
                    self.decide(uid, *update, caller, deadline).await
                }
                _ => self.unmatched(uid, why),
            },
            Err(error) => self.invalid(wire::Unreadable::object(uid, &error)),
        })
    }

    /// Tells what a request is. The earlier revisions are asked for only where they may change what
    /// becomes of it.
    async fn classify(&self, request: Request, deadline: Instant) -> Result<Reviewed, ShapeError> {
        let mut read = Rollout::read_by(request, &self.ties.mutable_tags)?;
        if let Read::Referring(referring) = read {
            let (old, new) = (referring.old(), referring.new());
            let classes = Change::ALL.map(Some).into_iter().chain([None]);
            if !self.concerns_a_policy(old, new, classes, deadline).await {
                return Ok(NO_POLICY_MATCHES);
            }
            read = referred::resolve(self.sources.cluster.as_ref(), *referring, deadline).await;
        }
        let unsettled = match read {
            Read::Told(reviewed) => return Ok(reviewed),
            Read::Unsettled(unsettled) => unsettled,
            Read::Referring(_) => unreachable!("it was resolved"),
        };
        let (old, new) = (Some(unsettled.old()), Some(unsettled.new()));
        let classes = unsettled.classes().map(Some).into_iter();
        if !self.concerns_a_policy(old, new, classes, deadline).await {
            return Ok(NO_POLICY_MATCHES);
        }
        let history = self.sources.history.as_ref();
        let revisions = history::read(history, &unsettled, deadline).await;
        Ok(unsettled.settle(&revisions))
    }

    /// Whether a policy may judge a change which is of one of these classes.
    async fn concerns_a_policy(
        &self,
        old: Option<&Arc<Workload>>,
        new: Option<&Arc<Workload>>,
        mut classes: impl Iterator<Item = Option<Change>>,
        deadline: Instant,
    ) -> bool {
        let Some(subject) = new.or(old) else {
            return false;
        };
        let namespace = self.namespace_labels(subject, deadline).await;
        classes.any(|change| {
            let candidate = Candidate {
                change,
                old,
                new,
                namespace: &namespace,
            };
            self.policies.matching(candidate).next().is_some()
        })
    }

    /// Whether a policy judges this change.
    pub async fn is_matched(&self, rollout: &Rollout, deadline: Instant) -> bool {
        let namespace = self.namespace_labels(rollout.subject(), deadline).await;
        let mut matching = self.policies.matching(Candidate::of(rollout, &namespace));
        matching.next().is_some()
    }

    /// The labels of the namespace of a workload, where a policy selects namespaces by them.
    async fn namespace_labels(&self, workload: &Workload, deadline: Instant) -> NamespaceLabels {
        if !self.policies.selects_namespaces() {
            return NamespaceLabels::NotNeeded;
        }
        namespace::labels(
            self.sources.cluster.as_ref(),
            workload.namespace(),
            deadline,
        )
        .await
    }

    /// Hears every policy that matches a rollout. `id` names the review in logs.
    pub async fn judge(
        &self,
        id: &str,
        rollout: Rollout,
        caller: Caller,
        deadline: Instant,
    ) -> Decision {
        let review = Arc::new(Review::new(id.to_owned(), rollout, self.sources.clone()));
        let overrides = self.overrides_for(&review.rollout);
        let heard_by = overrides.map_or(deadline, |_| with_room(deadline));
        let namespace = self
            .namespace_labels(review.rollout.subject(), deadline)
            .await;
        let candidate = Candidate::of(&review.rollout, &namespace);
        let leaving = OnceLock::new();
        let evaluations = self.policies.matching(candidate).map(|(policy, matching)| {
            let review = match matching {
                Matching::Leaving => leaving.get_or_init(|| Arc::new(review.leaving())),
                Matching::AsClassified | Matching::No => &review,
            };
            hear(policy, matching, review, heard_by)
        });
        let judged = join_all(evaluations).await;
        let going_back = self.policies.judging_rollbacks_of(candidate);
        let decision = Decision::of(review, judged, going_back, namespace);
        match overrides {
            Some(overrides) if decision.answer() != Answer::Allow => {
                self.break_glass(overrides, decision, caller, deadline)
                    .await
            }
            _ => decision,
        }
    }

    fn overrides_for(&self, rollout: &Rollout) -> Option<&dyn Overrides> {
        let overrides = self.ties.overrides.as_deref()?;
        overrides.any_for(rollout.subject()).then_some(overrides)
    }

    async fn break_glass(
        &self,
        overrides: &dyn Overrides,
        decision: Decision,
        caller: Caller,
        deadline: Instant,
    ) -> Decision {
        let blocked_by = decision.blocked_by();
        let plea = Plea {
            rollout: decision.rollout(),
            now: decision.now(),
            blocked_by: &blocked_by,
            policies: &self.policies,
            writing: Writing::of(caller, decision.rollout()),
        };
        let ruling = overrides.ask(plea, deadline).await;
        decision.overruled(ruling)
    }

    async fn decide(
        &self,
        uid: String,
        rollout: Rollout,
        caller: Caller,
        deadline: Instant,
    ) -> Reply {
        let decision = self.judge(&uid, rollout, caller, deadline).await;
        telling::tell(&decision, caller, &self.telemetry);
        let writing = Writing::of(caller, decision.rollout());
        if let (Some(announcements), Writing::Allowed(access)) = (&self.ties.announcements, writing)
        {
            announcement::of(&decision)
                .into_iter()
                .for_each(|one| announcements.announce(one, access));
        }
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
}

/// Writing down the use of an override takes time, and the policy that waits longest for what does
/// not answer may be the very one to be passed.
fn with_room(deadline: Instant) -> Instant {
    let left = deadline.saturating_duration_since(Instant::now());
    let (part, most) = ROOM_FOR_OVERRIDES;
    deadline
        .checked_sub((left / part).min(most))
        .unwrap_or(deadline)
}

async fn hear(
    policy: &Policy,
    matching: Matching,
    review: &Arc<Review>,
    deadline: Instant,
) -> Judged {
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
        matching,
        action: policy.action,
        on_error: policy.on_error,
        said,
        took: begun.elapsed(),
        passed_by: None,
    }
}
