//! Evaluates the policies for every workload, on all cores.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use rollgate_model::{ClassifiedRequest, Kind, Outcome, Rollout};
use tokio::time::Instant;

use super::manifests::Origin;
use super::pairs::Subject;
use crate::admission::{Caller, Decision, Gate, PolicyResult};
use crate::config::{PolicyName, PolicySet};

/// A workload and its evaluation.
pub(super) struct Checked {
    pub(super) kind: Kind,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) origin: Origin,
    pub(super) evaluation: Evaluation,
}

pub(super) enum Evaluation {
    /// It is no rollout, for this reason, so no policy was evaluated.
    NotARollout(&'static str),
    /// There is no policy at all; the problems of the report say why.
    NoPolicy,
    /// The matching policies were evaluated here.
    Decided(Box<Decision>),
    /// The rollgate in the cluster answered a dry run.
    DryRun(DryRunResult),
}

/// The result of a dry run against a cluster.
pub(super) struct DryRunResult {
    pub(super) outcome: DryRunOutcome,
    /// The warnings of the API server.
    pub(super) warnings: Vec<String>,
}

impl DryRunResult {
    /// Returns the message of the API server, unless the dry run was allowed.
    pub(super) fn message(&self) -> Option<&str> {
        match &self.outcome {
            DryRunOutcome::Allowed => None,
            DryRunOutcome::Held { message, .. }
            | DryRunOutcome::Denied { message }
            | DryRunOutcome::Unknown { message } => Some(message),
        }
    }
}

pub(super) enum DryRunOutcome {
    Allowed,
    Held {
        until: Timestamp,
        message: String,
    },
    Denied {
        message: String,
    },
    /// The dry run did not reach rollgate, or failed for another reason.
    Unknown {
        message: String,
    },
}

/// The status of a workload. The stricter, the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Status {
    NoRollout,
    MayGo,
    Held,
    NotJudged,
    Denied,
}

/// Rollouts evaluated at once: enough to keep every core busy while some wait for a source.
const AT_ONCE: usize = 32;
/// The longest time for one rollout; the timeouts of the policies are shorter.
const DEADLINE: Duration = Duration::from_secs(60);

/// Evaluates every subject; the results keep their order.
pub(super) async fn evaluate(gate: &Gate, subjects: Vec<Subject>) -> Vec<Checked> {
    let tasks = subjects
        .into_iter()
        .map(|subject| tokio::spawn(check(gate.clone(), subject)));
    let results: Vec<_> = stream::iter(tasks).buffered(AT_ONCE).collect().await;
    results
        .into_iter()
        .map(|result| result.expect("evaluating does not panic"))
        .collect()
}

async fn check(gate: Gate, subject: Subject) -> Checked {
    let Subject {
        kind,
        namespace,
        name,
        origin,
        classified,
    } = subject;
    let evaluation = match classified {
        ClassifiedRequest::Rollout(_) if gate.policies().policies().is_empty() => {
            Evaluation::NoPolicy
        }
        ClassifiedRequest::Rollout(rollout) => decided(&gate, &origin, *rollout).await,
        ClassifiedRequest::NotARollout { why, relabelled } => match relabelled {
            Some(update) if gate.is_matched(&update, deadline()).await => {
                decided(&gate, &origin, *update).await
            }
            _ => Evaluation::NotARollout(why),
        },
    };
    Checked {
        kind,
        namespace,
        name,
        origin,
        evaluation,
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
    /// Returns kind, namespace and name for people.
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

    /// Returns the decision, if the policies were evaluated here.
    pub(super) fn decision(&self) -> Option<&Decision> {
        match &self.evaluation {
            Evaluation::Decided(decision) => Some(decision),
            _ => None,
        }
    }

    pub(super) fn status(&self) -> Status {
        match &self.evaluation {
            Evaluation::NotARollout(_) => Status::NoRollout,
            Evaluation::NoPolicy => Status::NotJudged,
            Evaluation::Decided(decision) => {
                let statuses = decision.results().iter().map(PolicyResult::status);
                statuses.max().unwrap_or(Status::MayGo)
            }
            Evaluation::DryRun(result) => match result.outcome {
                DryRunOutcome::Allowed => Status::MayGo,
                DryRunOutcome::Held { .. } => Status::Held,
                DryRunOutcome::Denied { .. } => Status::Denied,
                DryRunOutcome::Unknown { .. } => Status::NotJudged,
            },
        }
    }

    /// Returns whether a policy failed whose result counts, or nothing was evaluated.
    pub(super) fn lacks_a_verdict(&self) -> bool {
        match &self.evaluation {
            Evaluation::NotARollout(_) => false,
            Evaluation::NoPolicy => true,
            Evaluation::Decided(decision) => {
                let mut results = decision.results().iter();
                results.any(|result| result.verdict.is_err() && result.blocks())
            }
            Evaluation::DryRun(_) => self.status() == Status::NotJudged,
        }
    }
}

impl PolicyResult {
    fn status(&self) -> Status {
        match (self.effect(), &self.verdict) {
            (Outcome::Allow, _) => Status::MayGo,
            (_, Err(_)) => Status::NotJudged,
            (Outcome::Hold(_), Ok(_)) => Status::Held,
            (Outcome::Deny, Ok(_)) => Status::Denied,
        }
    }
}

/// Returns the policies that matched no workload.
pub(super) fn unmatched(set: &PolicySet, checked: &[Checked]) -> Vec<PolicyName> {
    let decisions = checked.iter().filter_map(Checked::decision);
    let evaluated: BTreeSet<&PolicyName> = decisions
        .flat_map(Decision::results)
        .map(|result| &result.policy)
        .collect();
    let names = set.policies().iter().map(|policy| &policy.name);
    names
        .filter(|name| !evaluated.contains(name))
        .cloned()
        .collect()
}
