//! The main path of a review: parses it, classifies the change, evaluates the matching policies, and
//! combines their verdicts into one decision.

mod admission_review;
mod caller;
mod decision;
mod events;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod lookups;
mod memory;
mod observe;
pub(crate) mod overrides;
mod referring;
mod render;
#[cfg(test)]
mod tests;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::future::{join, join_all};
use rollgate_model::{
    Change, Classification, ClassifiedRequest, MutableTags, Outcome, Request, Rollout, ShapeError,
    Workload,
};
use tokio::time::Instant;

pub(crate) use admission_review::uid_of_review;
pub use admission_review::{BadRequest, ReviewResponse};
pub use caller::{Caller, WriteAccess, Writing};
pub(crate) use decision::{Decision, NoVerdict, PolicyResult};
pub use events::{EventKind, EventSink, RolloutEvent};
pub(crate) use lookups::referred_template;
pub use memory::ReviewBody;
pub(crate) use memory::{ReservedMemory, memory_of_review};

use crate::config::{MatchInput, Matching, NamespaceLabels, Policy, PolicySet, State};
use crate::engine::Review;
use crate::sources::Sources;
use crate::telemetry::{ReviewOutcome, Telemetry};
use admission_review::{InvalidReview, ParsedReview, ReviewedRequest};
use overrides::{OverrideRequest, Overrides};
use referring::ReferringError;

/// The part of a review's time that is reserved for recording the use of an override, and its upper
/// limit.
const TIME_FOR_OVERRIDES: (u32, Duration) = (4, Duration::from_secs(1));

const NO_POLICY_MATCHES: ClassifiedRequest = ClassifiedRequest::NotARollout {
    why: "no policy matches it, whichever change it is",
    relabelled: None,
};

/// The rollouts that a request starts.
struct Rollouts {
    rollouts: Vec<Rollout>,
    /// Why there are none, if there are none.
    why_none: &'static str,
}

impl Rollouts {
    fn one(rollout: Rollout) -> Self {
        Self {
            rollouts: vec![rollout],
            why_none: "",
        }
    }

    const fn of_others(rollouts: Vec<Rollout>) -> Self {
        Self {
            rollouts,
            why_none: "no policy matches an Argo Rollout that takes its Pod template from it",
        }
    }

    const fn none(why: &'static str) -> Self {
        Self {
            rollouts: Vec::new(),
            why_none: why,
        }
    }
}

/// Why a request cannot be evaluated. It is denied then.
#[derive(Debug, thiserror::Error)]
enum NotEvaluated {
    #[error("rollgate cannot read the object: {0}")]
    Object(#[from] ShapeError),
    #[error(transparent)]
    Referring(#[from] ReferringError),
}

/// Decides over rollouts with a set of policies and the sources that they query. A reload creates
/// another gate, so that one review never uses the policies of one set and the sources of another.
#[derive(Clone)]
pub struct Gate {
    policies: Arc<PolicySet>,
    sources: Sources,
    telemetry: Telemetry,
    options: GateOptions,
}

/// What a gate needs beside policies and sources. The default is for a gate without a cluster.
#[derive(Clone, Default)]
pub struct GateOptions {
    /// Finds and records overrides; without it there are none.
    pub overrides: Option<Arc<dyn Overrides>>,
    /// Takes Events; without it none are written.
    pub events: Option<Arc<dyn EventSink>>,
    /// The users of Argo Rollouts' controller.
    pub argo_controllers: Arc<[String]>,
    /// The image tags that may name another image tomorrow.
    pub mutable_tags: MutableTags,
}

impl Gate {
    /// Creates a gate without a cluster.
    #[must_use]
    pub fn new(policies: Arc<PolicySet>, sources: Sources, telemetry: Telemetry) -> Self {
        Self {
            policies,
            sources,
            telemetry,
            options: GateOptions::default(),
        }
    }

    /// Sets the options.
    #[must_use]
    pub fn with_options(self, options: GateOptions) -> Self {
        Self { options, ..self }
    }

    /// Returns the policies.
    #[must_use]
    pub fn policies(&self) -> &PolicySet {
        &self.policies
    }

    /// Answers an AdmissionReview by `deadline`. For an unknown caller nothing is written to the
    /// cluster.
    ///
    /// # Errors
    /// The body is no AdmissionReview with a uid.
    pub async fn answer(
        &self,
        body: ReviewBody,
        caller: Caller,
        deadline: Instant,
    ) -> Result<ReviewResponse, BadRequest> {
        let review = match ParsedReview::parse(&body.bytes, &self.options.argo_controllers)? {
            Ok(review) => review,
            Err(invalid) => return Ok(self.reject_invalid(invalid)),
        };
        let ParsedReview {
            uid,
            memory,
            request,
        } = review;
        // The server keeps the bytes, in case it must deny the review itself.
        let needed = body.bytes.len() + memory;
        let _memory = body.into_memory(needed);
        let rollouts = match request {
            ReviewedRequest::Workload(request) => self.rollouts(request, deadline).await,
            ReviewedRequest::TemplateSource(request) => {
                let change = self.template_change(&request);
                let referring = self.referring_rollouts(change, deadline).await;
                referring
                    .map(Rollouts::of_others)
                    .map_err(NotEvaluated::from)
            }
            ReviewedRequest::Other => Ok(Rollouts::none("not a workload of rollgate")),
        };
        Ok(match rollouts {
            Ok(Rollouts { rollouts, why_none }) if rollouts.is_empty() => {
                self.allow_unmatched(uid, why_none)
            }
            Ok(Rollouts { rollouts, .. }) => self.decide(uid, rollouts, caller, deadline).await,
            Err(error) => self.reject_invalid(InvalidReview::not_evaluated(uid, &error)),
        })
    }

    /// Returns the rollouts that a request starts: that of its object, and those of the Argo Rollouts
    /// that take their Pod template from it.
    async fn rollouts(
        &self,
        request: Request,
        deadline: Instant,
    ) -> Result<Rollouts, NotEvaluated> {
        let change = self.template_change(&request);
        let own = self.classify(request, deadline);
        let referring = self.referring_rollouts(change, deadline);
        let (own, referring) = join(own, referring).await;
        let mut rollouts = match own? {
            ClassifiedRequest::Rollout(rollout) => Rollouts::one(*rollout),
            ClassifiedRequest::NotARollout { why, relabelled } => match relabelled {
                Some(update) if self.is_matched(&update, deadline).await => Rollouts::one(*update),
                _ => Rollouts::none(why),
            },
        };
        rollouts.rollouts.extend(referring?);
        Ok(rollouts)
    }

    /// Classifies the change. Pod templates in other objects and earlier revisions are read only if a
    /// policy matches and they may change the result.
    async fn classify(
        &self,
        request: Request,
        deadline: Instant,
    ) -> Result<ClassifiedRequest, ShapeError> {
        let classification = request.classify(&self.options.mutable_tags)?;
        Ok(self.resolve(classification, deadline).await)
    }

    /// Completes a classification with what it needs from the cluster.
    async fn resolve(
        &self,
        mut classification: Classification,
        deadline: Instant,
    ) -> ClassifiedRequest {
        loop {
            classification = match classification {
                Classification::Decided(classified) => return classified,
                Classification::NeedsTemplate(needs) => {
                    let (old, new) = (needs.old(), needs.new());
                    let classes = Change::ALL.map(Some).into_iter().chain([None]);
                    if !self.may_match(old, new, classes, deadline).await {
                        return NO_POLICY_MATCHES;
                    }
                    let cluster = self.sources.cluster.as_ref();
                    lookups::referred_templates(cluster, *needs, deadline).await
                }
                Classification::NeedsHistory(needs) => {
                    let (old, new) = (Some(needs.old()), Some(needs.new()));
                    let classes = needs.classes().map(Some).into_iter();
                    if !self.may_match(old, new, classes, deadline).await {
                        return NO_POLICY_MATCHES;
                    }
                    let history = self.sources.history.as_ref();
                    let revisions = lookups::revisions(history, &needs, deadline).await;
                    return needs.resolve(&revisions);
                }
            }
        }
    }

    /// Returns whether a policy matches the change if it turns out to be of one of these classes.
    async fn may_match(
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
            let input = MatchInput {
                change,
                old,
                new,
                namespace: &namespace,
            };
            self.policies.matching(input).next().is_some()
        })
    }

    /// Returns whether a policy matches this change.
    pub async fn is_matched(&self, rollout: &Rollout, deadline: Instant) -> bool {
        let namespace = self.namespace_labels(rollout.subject(), deadline).await;
        let mut matching = self.policies.matching(MatchInput::of(rollout, &namespace));
        matching.next().is_some()
    }

    /// Reads the labels of a workload's namespace if a policy selects namespaces by labels.
    async fn namespace_labels(&self, workload: &Workload, deadline: Instant) -> NamespaceLabels {
        if !self.policies.selects_namespaces() {
            return NamespaceLabels::NotNeeded;
        }
        let cluster = self.sources.cluster.as_ref();
        lookups::namespace_labels(cluster, workload.namespace(), deadline).await
    }

    /// Evaluates every policy that matches a rollout. `id` names the review in logs.
    pub(crate) async fn evaluate(
        &self,
        id: &str,
        rollout: Rollout,
        caller: Caller,
        deadline: Instant,
    ) -> Decision {
        let review = Arc::new(Review::new(id.to_owned(), rollout, self.sources.clone()));
        let overrides = self.overrides_for(&review.rollout);
        let evaluate_by = overrides.map_or(deadline, |_| with_time_for_overrides(deadline));
        let namespace = self
            .namespace_labels(review.rollout.subject(), deadline)
            .await;
        let input = MatchInput::of(&review.rollout, &namespace);
        let leaving = OnceLock::new();
        let evaluations = self.policies.matching(input).map(|(policy, matching)| {
            let review = match matching {
                Matching::Leaving => leaving.get_or_init(|| Arc::new(review.leaving())),
                Matching::AsClassified | Matching::No => &review,
            };
            evaluate(policy, matching, review, evaluate_by)
        });
        let results = join_all(evaluations).await;
        let rollback_policies = self.policies.enforced_on_rollback(input);
        let decision = Decision::of(review, results, rollback_policies, namespace);
        match overrides {
            Some(overrides) if decision.outcome() != Outcome::Allow => {
                self.apply_override(overrides, decision, caller, deadline)
                    .await
            }
            _ => decision,
        }
    }

    fn overrides_for(&self, rollout: &Rollout) -> Option<&dyn Overrides> {
        let overrides = self.options.overrides.as_deref()?;
        overrides.any_for(rollout.subject()).then_some(overrides)
    }

    async fn apply_override(
        &self,
        overrides: &dyn Overrides,
        decision: Decision,
        caller: Caller,
        deadline: Instant,
    ) -> Decision {
        let blocked_by = decision.blocked_by();
        let request = OverrideRequest {
            rollout: decision.rollout(),
            now: decision.now(),
            blocked_by: &blocked_by,
            policies: &self.policies,
            writing: Writing::of(caller, decision.rollout()),
        };
        let overrides = overrides.decide(request, deadline).await;
        decision.with_overrides(overrides)
    }

    /// Evaluates the rollouts that a request starts. All must be allowed.
    async fn decide(
        &self,
        uid: String,
        rollouts: Vec<Rollout>,
        caller: Caller,
        deadline: Instant,
    ) -> ReviewResponse {
        let rollouts = rollouts.into_iter();
        let evaluations = rollouts.map(|rollout| self.evaluate(&uid, rollout, caller, deadline));
        let decisions = join_all(evaluations).await;
        for decision in &decisions {
            observe::observe(decision, caller, &self.telemetry);
            let writing = Writing::of(caller, decision.rollout());
            if let (Some(sink), Writing::Allowed(access)) = (&self.options.events, writing) {
                let events = events::events_of(decision).into_iter();
                events.for_each(|event| sink.send(event, access));
            }
        }
        admission_review::decided(uid, &decisions)
    }

    fn allow_unmatched(&self, uid: String, why: &'static str) -> ReviewResponse {
        tracing::debug!(uid, why, "allowed: not a rollout");
        self.telemetry.review(ReviewOutcome::Unmatched);
        admission_review::allowed(uid)
    }

    fn reject_invalid(&self, invalid: InvalidReview) -> ReviewResponse {
        tracing::warn!(
            uid = invalid.uid,
            reason = invalid.message,
            "refused: the review cannot be read"
        );
        self.telemetry.review(ReviewOutcome::Invalid);
        admission_review::invalid(invalid)
    }
}

/// Recording the use of an override takes time, and the policy that takes longest may be the one
/// that the override is for.
fn with_time_for_overrides(deadline: Instant) -> Instant {
    let left = deadline.saturating_duration_since(Instant::now());
    let (part, most) = TIME_FOR_OVERRIDES;
    deadline
        .checked_sub((left / part).min(most))
        .unwrap_or(deadline)
}

async fn evaluate(
    policy: &Policy,
    matching: Matching,
    review: &Arc<Review>,
    deadline: Instant,
) -> PolicyResult {
    let start = Instant::now();
    let verdict = match &policy.state {
        State::Ready(loaded) => loaded
            .evaluate(review, deadline)
            .await
            .map_err(NoVerdict::Failed),
        State::Loading(_) => Err(NoVerdict::Loading),
        State::Refused(reason) => Err(NoVerdict::NotLoaded(reason.to_string())),
    };
    PolicyResult {
        policy: policy.name.clone(),
        matching,
        action: policy.action,
        on_error: policy.on_error,
        verdict,
        duration: start.elapsed(),
        passed_by: None,
    }
}
