//! How verdicts combine into one decision.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rollgate_model::{Outcome, Rollout, Verdict};

use super::overrides::{Override, Refused, Ruling};
use crate::config::{Action, Matching, NamespaceLabels, OnError, PolicyName};
use crate::engine::{EvaluationError, Review};

/// `retryAfterSeconds` is an int32 in the API: a larger one would make the whole answer unreadable, and
/// a webhook that answers nonsense may be passed over.
const LONGEST_RETRY: i64 = i32::MAX as i64;

/// What the host answers, and all that it heard.
pub struct Decision {
    review: Arc<Review>,
    judged: Vec<Judged>,
    going_back: Vec<PolicyName>,
    namespace_labels: NamespaceLabels,
    answer: Answer,
    refused: Vec<Refused>,
}

/// Whether the rollout goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It goes.
    Allow,
    /// Not now; from the instant on, as far as the policies that hold it know.
    Hold(Option<Timestamp>),
    /// No.
    Deny,
}

/// What one policy said, and what that counts for.
pub struct Judged {
    /// Who.
    pub policy: PolicyName,
    /// As what it judged the change.
    pub matching: Matching,
    /// What a denial or a hold of it counts for.
    pub action: Action,
    /// What a failure of it counts for.
    pub on_error: OnError,
    /// What it said.
    pub said: Result<Verdict, Unjudged>,
    /// How long it took, waiting included.
    pub took: Duration,
    /// The override by which the rollout passes it, whatever it said.
    pub passed_by: Option<Arc<Override>>,
}

/// Why a policy gave no verdict.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unjudged {
    /// Its module or settings do not load, so it fails each time.
    #[error("the policy is not loaded: {0}")]
    NotLoaded(String),
    /// It was asked and failed.
    #[error(transparent)]
    Failed(#[from] EvaluationError),
}

impl Unjudged {
    /// A short word for metrics and logs.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::NotLoaded(_) => "not-loaded",
            Self::Failed(error) => error.kind(),
        }
    }
}

impl Decision {
    /// `going_back` are the policies that would judge a rollback too.
    pub(super) fn of(
        review: Arc<Review>,
        judged: Vec<Judged>,
        going_back: Vec<PolicyName>,
        namespace_labels: NamespaceLabels,
    ) -> Self {
        let answer = combined(&judged);
        Self {
            review,
            judged,
            going_back,
            namespace_labels,
            answer,
            refused: vec![],
        }
    }

    /// The same, where overrides were asked.
    pub(super) fn overruled(mut self, ruling: Ruling) -> Self {
        for (policy, passage) in ruling.passed {
            let judged = self.judged.iter_mut();
            judged
                .filter(|judged| judged.policy == policy)
                .for_each(|judged| judged.passed_by = Some(Arc::clone(&passage)));
        }
        self.answer = combined(&self.judged);
        self.refused = ruling.refused;
        self
    }

    /// The policies that stand in the way.
    pub(super) fn blocked_by(&self) -> Vec<PolicyName> {
        let blocking = self
            .judged
            .iter()
            .filter(|judged| judged.counts() != Answer::Allow);
        blocking.map(|judged| judged.policy.clone()).collect()
    }

    /// The overrides that were found for the workload and do not let it pass, and why.
    #[must_use]
    pub fn refused_overrides(&self) -> &[Refused] {
        &self.refused
    }

    /// Whether the rollout goes.
    #[must_use]
    pub const fn answer(&self) -> Answer {
        self.answer
    }

    /// What each matching policy said, in the order of the set.
    #[must_use]
    pub fn judged(&self) -> &[Judged] {
        &self.judged
    }

    /// The policies that would judge a rollback of it, and may stand in its way.
    #[must_use]
    pub fn judging_rollbacks(&self) -> &[PolicyName] {
        &self.going_back
    }

    /// The labels of its namespace, where a policy selects namespaces by them.
    #[must_use]
    pub const fn namespace_labels(&self) -> &NamespaceLabels {
        &self.namespace_labels
    }

    /// Names the review in logs.
    pub(super) fn id(&self) -> &str {
        &self.review.id
    }

    /// The rollout that was judged.
    #[must_use]
    pub fn rollout(&self) -> &Rollout {
        &self.review.rollout
    }

    /// The instant it was judged at.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.review.now
    }

    /// When to try again: whole seconds, at least one; `None` where nothing is held, the hold has no
    /// known end, or something denies.
    #[must_use]
    pub fn retry_after(&self) -> Option<u32> {
        let Answer::Hold(Some(until)) = self.answer else {
            return None;
        };
        let wait = until.duration_since(self.review.now);
        let rounded_up = wait.as_secs() + i64::from(wait.subsec_nanos() > 0);
        Some(u32::try_from(rounded_up.clamp(1, LONGEST_RETRY)).expect("clamped to what fits"))
    }
}

impl Judged {
    /// What this policy's word adds to the answer.
    #[must_use]
    pub fn counts(&self) -> Answer {
        if self.action != Action::Enforce || self.passed_by.is_some() {
            return Answer::Allow;
        }
        match (&self.said, self.on_error) {
            (Ok(verdict), _) => match verdict.outcome {
                Outcome::Allow => Answer::Allow,
                Outcome::Hold(until) => Answer::Hold(until),
                Outcome::Deny => Answer::Deny,
            },
            (Err(_), OnError::Deny) => Answer::Deny,
            (Err(_), OnError::Allow) => Answer::Allow,
        }
    }

    /// Whether it could not judge, and the rollout may go nevertheless without an override.
    pub(super) fn failed_open(&self) -> bool {
        self.said.is_err() && self.passed_by.is_none() && self.counts() == Answer::Allow
    }
}

fn combined(judged: &[Judged]) -> Answer {
    judged
        .iter()
        .map(Judged::counts)
        .fold(Answer::Allow, Answer::and)
}

impl Answer {
    /// A denial outweighs a hold, a hold without an end one with an end, a later end an earlier one.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Deny, _) | (_, Self::Deny) => Self::Deny,
            (Self::Hold(one), Self::Hold(two)) => {
                Self::Hold(one.zip(two).map(|(one, two)| one.max(two)))
            }
            (hold @ Self::Hold(_), Self::Allow) | (Self::Allow, hold @ Self::Hold(_)) => hold,
            (Self::Allow, Self::Allow) => Self::Allow,
        }
    }

    /// `allow`, `hold` or `deny`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Hold(_) => "hold",
            Self::Deny => "deny",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EARLY: Answer = Answer::Hold(Some(Timestamp::UNIX_EPOCH));
    const LATE: Answer = Answer::Hold(Some(Timestamp::MAX));
    const ENDLESS: Answer = Answer::Hold(None);

    #[test]
    fn the_strictest_word_is_the_answer() {
        let cases = [
            (Answer::Allow, Answer::Allow, Answer::Allow),
            (Answer::Allow, EARLY, EARLY),
            (EARLY, LATE, LATE),
            (LATE, ENDLESS, ENDLESS),
            (ENDLESS, Answer::Deny, Answer::Deny),
            (Answer::Allow, Answer::Deny, Answer::Deny),
        ];
        for (one, two, together) in cases {
            assert_eq!(one.and(two), together, "{one:?} and {two:?}");
            assert_eq!(two.and(one), together, "{two:?} and {one:?}");
        }
    }
}
