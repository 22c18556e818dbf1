//! Hears the policies on every workload, on all cores.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use rollgate_model::{Kind, Reviewed, Rollout};
use tokio::time::Instant;

use super::manifests::Origin;
use super::pairs::Subject;
use crate::admission::{Answer, Caller, Decision, Gate};
use crate::config::{PolicyName, PolicySet};

/// A workload and what was said of it.
pub(super) struct Checked {
    pub(super) kind: Kind,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) origin: Origin,
    pub(super) outcome: Outcome,
}

/// What was said of a workload.
pub(super) enum Outcome {
    /// It is no rollout, for this reason, so no policy was asked.
    NoRollout(&'static str),
    /// There is no policy at all that could judge it; why stands among the problems.
    NoPolicy,
    /// Policies were asked, if any matches.
    Decided(Box<Decision>),
}

/// How a workload stands. The stricter, the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Standing {
    NoRollout,
    MayGo,
    Held,
    NotJudged,
    Denied,
}

/// Rollouts under way at once: enough to keep every core busy while some wait for a source.
const AT_ONCE: usize = 32;
/// The longest that one rollout may take; each policy's own timeout is nearer.
const DEADLINE: Duration = Duration::from_secs(60);

/// Judges every subject; the results keep their order.
pub(super) async fn judge(gate: &Gate, subjects: Vec<Subject>) -> Vec<Checked> {
    let under_way = subjects
        .into_iter()
        .map(|subject| tokio::spawn(check(gate.clone(), subject)));
    let results: Vec<_> = stream::iter(under_way).buffered(AT_ONCE).collect().await;
    results
        .into_iter()
        .map(|result| result.expect("judging does not panic"))
        .collect()
}

async fn check(gate: Gate, subject: Subject) -> Checked {
    let Subject {
        kind,
        namespace,
        name,
        origin,
        reviewed,
    } = subject;
    let outcome = match reviewed {
        Reviewed::Rollout(_) if gate.policies().policies().is_empty() => Outcome::NoPolicy,
        Reviewed::Rollout(rollout) => decided(&gate, &origin, *rollout).await,
        Reviewed::NotARollout { why, relabelled } => match relabelled {
            Some(update) if gate.is_matched(&update, deadline()).await => {
                decided(&gate, &origin, *update).await
            }
            _ => Outcome::NoRollout(why),
        },
    };
    Checked {
        kind,
        namespace,
        name,
        origin,
        outcome,
    }
}

async fn decided(gate: &Gate, origin: &Origin, rollout: Rollout) -> Outcome {
    let decision = gate
        .judge(&origin.file, rollout, Caller::Unknown, deadline())
        .await;
    Outcome::Decided(Box::new(decision))
}

fn deadline() -> Instant {
    Instant::now() + DEADLINE
}

impl Checked {
    /// Kind and name, for people.
    pub(super) fn title(&self) -> String {
        let Self {
            kind,
            namespace,
            name,
            ..
        } = self;
        match (namespace.as_str(), name.as_str()) {
            (_, "") => format!("{kind} without a name"),
            ("", name) => format!("{kind} {name}"),
            (namespace, name) => format!("{kind} {namespace}/{name}"),
        }
    }

    pub(super) fn standing(&self) -> Standing {
        let decision = match &self.outcome {
            Outcome::NoRollout(_) => return Standing::NoRollout,
            Outcome::NoPolicy => return Standing::NotJudged,
            Outcome::Decided(decision) => decision,
        };
        let standing =
            decision
                .judged()
                .iter()
                .map(|judged| match (judged.counts(), &judged.said) {
                    (Answer::Allow, _) => Standing::MayGo,
                    (_, Err(_)) => Standing::NotJudged,
                    (Answer::Hold(_), Ok(_)) => Standing::Held,
                    (Answer::Deny, Ok(_)) => Standing::Denied,
                });
        standing.max().unwrap_or(Standing::MayGo)
    }

    /// Whether a policy failed whose word counts, or there is none.
    pub(super) fn lacks_a_verdict(&self) -> bool {
        let decision = match &self.outcome {
            Outcome::NoRollout(_) => return false,
            Outcome::NoPolicy => return true,
            Outcome::Decided(decision) => decision,
        };
        decision
            .judged()
            .iter()
            .any(|judged| judged.said.is_err() && judged.counts() != Answer::Allow)
    }
}

/// The policies that no workload matched.
pub(super) fn unmatched(set: &PolicySet, checked: &[Checked]) -> Vec<PolicyName> {
    let decisions = checked.iter().filter_map(|checked| match &checked.outcome {
        Outcome::Decided(decision) => Some(decision),
        Outcome::NoRollout(_) | Outcome::NoPolicy => None,
    });
    let heard: BTreeSet<&PolicyName> = decisions
        .flat_map(|decision| decision.judged())
        .map(|judged| &judged.policy)
        .collect();
    set.policies()
        .iter()
        .map(|policy| &policy.name)
        .filter(|name| !heard.contains(name))
        .cloned()
        .collect()
}
