//! Hears the policies on every workload, on all cores.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use rollgate_model::{Kind, Outcome, Reviewed, Rollout};
use tokio::time::Instant;

use super::manifests::Origin;
use super::pairs::Subject;
use crate::admission::{Caller, Decision, Gate};
use crate::config::{PolicyName, PolicySet};

/// A workload and what was said of it.
pub(super) struct Checked {
    pub(super) kind: Kind,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) origin: Origin,
    pub(super) outcome: Evaluation,
}

/// What was said of a workload.
pub(super) enum Evaluation {
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
        Reviewed::Rollout(_) if gate.policies().policies().is_empty() => Evaluation::NoPolicy,
        Reviewed::Rollout(rollout) => decided(&gate, &origin, *rollout).await,
        Reviewed::NotARollout { why, relabelled } => match relabelled {
            Some(update) if gate.is_matched(&update, deadline()).await => {
                decided(&gate, &origin, *update).await
            }
            _ => Evaluation::NoRollout(why),
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

async fn decided(gate: &Gate, origin: &Origin, rollout: Rollout) -> Evaluation {
    let decision = gate
        .evaluate(&origin.file, rollout, Caller::Unknown, deadline())
        .await;
    Evaluation::Decided(Box::new(decision))
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
            Evaluation::NoRollout(_) => return Standing::NoRollout,
            Evaluation::NoPolicy => return Standing::NotJudged,
            Evaluation::Decided(decision) => decision,
        };
        let standing =
            decision
                .results()
                .iter()
                .map(|judged| match (judged.effect(), &judged.verdict) {
                    (Outcome::Allow, _) => Standing::MayGo,
                    (_, Err(_)) => Standing::NotJudged,
                    (Outcome::Hold(_), Ok(_)) => Standing::Held,
                    (Outcome::Deny, Ok(_)) => Standing::Denied,
                });
        standing.max().unwrap_or(Standing::MayGo)
    }

    /// Whether a policy failed whose word counts, or there is none.
    pub(super) fn lacks_a_verdict(&self) -> bool {
        let decision = match &self.outcome {
            Evaluation::NoRollout(_) => return false,
            Evaluation::NoPolicy => return true,
            Evaluation::Decided(decision) => decision,
        };
        decision
            .results()
            .iter()
            .any(|judged| judged.verdict.is_err() && judged.effect() != Outcome::Allow)
    }
}

/// The policies that no workload matched.
pub(super) fn unmatched(set: &PolicySet, checked: &[Checked]) -> Vec<PolicyName> {
    let decisions = checked.iter().filter_map(|checked| match &checked.outcome {
        Evaluation::Decided(decision) => Some(decision),
        Evaluation::NoRollout(_) | Evaluation::NoPolicy => None,
    });
    let heard: BTreeSet<&PolicyName> = decisions
        .flat_map(|decision| decision.results())
        .map(|judged| &judged.policy)
        .collect();
    set.policies()
        .iter()
        .map(|policy| &policy.name)
        .filter(|name| !heard.contains(name))
        .cloned()
        .collect()
}
