//! Combines the results of the policies into one decision.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rollgate_model::{Outcome, Rollout, Verdict};

use super::overrides::{Override, OverrideDecision, RejectedOverride};
use crate::config::{Action, Matching, NamespaceLabels, OnError, PolicyName};
use crate::engine::{EvaluationError, Review};

/// `retryAfterSeconds` is an int32: the API server cannot parse a response with a larger one, and may
/// then admit the request.
const LONGEST_RETRY: i64 = i32::MAX as i64;

/// The decision over a rollout, with the results that it rests on.
pub(crate) struct Decision {
    review: Arc<Review>,
    results: Vec<PolicyResult>,
    rollback_policies: Vec<PolicyName>,
    namespace_labels: NamespaceLabels,
    outcome: Outcome,
    rejected_overrides: Vec<RejectedOverride>,
}

/// The result of one policy.
pub(crate) struct PolicyResult {
    pub(crate) policy: PolicyName,
    /// Whether the policy was shown the change's own class, or that the change leaves its match.
    pub(crate) matching: Matching,
    pub(crate) action: Action,
    pub(crate) on_error: OnError,
    pub(crate) verdict: Result<Verdict, NoVerdict>,
    /// The time of the evaluation, including the time it waited.
    pub(crate) duration: Duration,
    /// The override that lets the rollout pass this policy.
    pub(crate) passed_by: Option<Arc<Override>>,
}

/// Why a policy returned no verdict.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoVerdict {
    #[error("the policy is still being loaded, which takes some seconds; try again")]
    Loading,
    #[error("the policy is not loaded: {0}")]
    NotLoaded(String),
    #[error(transparent)]
    Failed(#[from] EvaluationError),
}

impl NoVerdict {
    /// Returns the value of the label `kind` in metrics and logs.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Loading => "loading",
            Self::NotLoaded(_) => "not-loaded",
            Self::Failed(error) => error.kind(),
        }
    }
}

impl Decision {
    /// Combines the results. `rollback_policies` are the policies that would evaluate a rollback of
    /// the same workload.
    pub(super) fn of(
        review: Arc<Review>,
        results: Vec<PolicyResult>,
        rollback_policies: Vec<PolicyName>,
        namespace_labels: NamespaceLabels,
    ) -> Self {
        let outcome = combined(&results);
        Self {
            review,
            results,
            rollback_policies,
            namespace_labels,
            outcome,
            rejected_overrides: vec![],
        }
    }

    /// Lets the rollout pass the policies that overrides exempt it from.
    pub(super) fn with_overrides(mut self, overrides: OverrideDecision) -> Self {
        for (policy, passed_by) in overrides.passed {
            let results = self.results.iter_mut();
            results
                .filter(|result| result.policy == policy)
                .for_each(|result| result.passed_by = Some(Arc::clone(&passed_by)));
        }
        self.outcome = combined(&self.results);
        self.rejected_overrides = overrides.rejected;
        self
    }

    /// Returns the policies that hold or deny the rollout.
    pub(super) fn blocked_by(&self) -> Vec<PolicyName> {
        let results = self.results.iter();
        let blocking = results.filter(|result| result.blocks());
        blocking.map(|result| result.policy.clone()).collect()
    }

    /// Returns the overrides for this workload that do not apply, each with the reason.
    pub(crate) fn rejected_overrides(&self) -> &[RejectedOverride] {
        &self.rejected_overrides
    }

    pub(crate) const fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// Returns the results in the order of the policy set.
    pub(crate) fn results(&self) -> &[PolicyResult] {
        &self.results
    }

    /// Returns the policies that would evaluate a rollback of this workload.
    pub(crate) fn rollback_policies(&self) -> &[PolicyName] {
        &self.rollback_policies
    }

    pub(crate) const fn namespace_labels(&self) -> &NamespaceLabels {
        &self.namespace_labels
    }

    /// Returns the uid of the review, for logs.
    pub(super) fn id(&self) -> &str {
        &self.review.id
    }

    pub(crate) fn rollout(&self) -> &Rollout {
        &self.review.rollout
    }

    /// Returns the instant of the review.
    pub(crate) fn now(&self) -> Timestamp {
        self.review.now
    }

    /// Returns when to try again: whole seconds, at least one. `None` if nothing is held, the hold has
    /// no known end, or a policy denies.
    pub(crate) fn retry_after(&self) -> Option<u32> {
        let Outcome::Hold(Some(until)) = self.outcome else {
            return None;
        };
        let wait = until.duration_since(self.review.now);
        let rounded_up = wait.as_secs() + i64::from(wait.subsec_nanos() > 0);
        Some(u32::try_from(rounded_up.clamp(1, LONGEST_RETRY)).expect("clamped to what fits"))
    }
}

impl PolicyResult {
    /// Returns what the result contributes to the decision, by the policy's `action` and `onError`.
    pub(crate) fn effect(&self) -> Outcome {
        if self.action != Action::Enforce || self.passed_by.is_some() {
            return Outcome::Allow;
        }
        match (&self.verdict, self.on_error) {
            (Ok(verdict), _) => verdict.outcome,
            (Err(_), OnError::Deny) => Outcome::Deny,
            (Err(_), OnError::Allow) => Outcome::Allow,
        }
    }

    pub(crate) fn blocks(&self) -> bool {
        self.effect() != Outcome::Allow
    }

    /// Returns whether the policy failed and does not block, without an override.
    pub(super) fn failed_open(&self) -> bool {
        self.verdict.is_err() && self.passed_by.is_none() && !self.blocks()
    }
}

fn combined(results: &[PolicyResult]) -> Outcome {
    let effects = results.iter().map(PolicyResult::effect);
    effects.fold(Outcome::Allow, Outcome::and)
}
