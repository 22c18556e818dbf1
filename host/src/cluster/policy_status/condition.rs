//! The condition `Ready` of a policy or metric source.

use crate::cluster::conditions::{ConditionStatus, NewCondition};
use crate::cluster::crd::ModuleStatus;
use crate::cluster::policies::{Fallback, InvalidObject, WatchedKind, WatchedObject};
use crate::config::{OnError, Policy, Problem, RefusalCause, SourceState, State};
use crate::reload::ActiveSet;

/// The longest message that the API allows in a condition.
const MAX_MESSAGE_BYTES: usize = 32 << 10;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PolicyCondition {
    pub(super) ready: NewCondition,
    pub(super) module: Option<ModuleStatus>,
}

impl PolicyCondition {
    fn new(status: ConditionStatus, reason: &'static str, mut message: String) -> Self {
        message.truncate(message.floor_char_boundary(MAX_MESSAGE_BYTES));
        let ready = NewCondition {
            type_: "Ready",
            status,
            reason,
            message,
        };
        Self {
            ready,
            module: None,
        }
    }
}

/// Returns the condition of an object; `None` while its present spec is not loaded yet.
pub(super) fn of(
    object: &WatchedObject,
    active: &ActiveSet,
    invalid: &[InvalidObject],
) -> Option<PolicyCondition> {
    let key = object.key();
    let generation = object.generation();
    if let Some(invalid) = invalid.iter().find(|invalid| invalid.key == key) {
        return (invalid.generation == generation).then(|| of_invalid(invalid));
    }
    match key.kind {
        WatchedKind::MetricSource => {
            let mut sources = active.metric_sources.iter();
            let source = sources.find(|source| source.name == key.name)?;
            (source.generation == generation).then(|| of_source(source))
        }
        WatchedKind::ClusterRolloutPolicy | WatchedKind::RolloutPolicy => {
            let name = object.head().policy_name();
            let policy = active.policies.get(&name)?;
            (policy.generation == generation)
                .then(|| of_policy(policy))
                .flatten()
        }
    }
}

fn of_invalid(invalid: &InvalidObject) -> PolicyCondition {
    let (reason, consequence) = match (invalid.fallback, invalid.key.kind) {
        (Fallback::LastValid(Some(generation)), _) => (
            "InvalidKeptLast",
            format!("generation {generation} of it stays active"),
        ),
        (Fallback::LastValid(None), _) => (
            "InvalidKeptLast",
            "the version before this one stays active".to_owned(),
        ),
        (Fallback::Failing, WatchedKind::MetricSource) => {
            ("Invalid", "every query to it fails".to_owned())
        }
        (Fallback::Failing, _) => (
            "Invalid",
            "each rollout that it matches is decided by its onError".to_owned(),
        ),
        (Fallback::Nothing, _) => (
            "InvalidNotInForce",
            "it is not active, because its `match` cannot be read".to_owned(),
        ),
    };
    let problems = joined(&invalid.problems);
    PolicyCondition::new(
        ConditionStatus::False,
        reason,
        format!("{problems}; {consequence}"),
    )
}

fn of_source(source: &SourceState) -> PolicyCondition {
    match &source.problem {
        None => PolicyCondition::new(
            ConditionStatus::True,
            "SetUp",
            "policies can query it".to_owned(),
        ),
        Some(problem) => {
            let problem = joined(std::slice::from_ref(problem));
            PolicyCondition::new(
                ConditionStatus::False,
                "SetUpFailed",
                format!("{problem}; every query to it fails"),
            )
        }
    }
}

fn of_policy(policy: &Policy) -> Option<PolicyCondition> {
    let condition = match &policy.state {
        State::Loading(_) => return None,
        State::Ready(loaded) => {
            let module = loaded.description();
            let message = format!("evaluates {} {}", module.name, module.version);
            PolicyCondition {
                module: Some(ModuleStatus {
                    name: module.name.clone(),
                    version: module.version.clone(),
                    digest: format!("sha256:{}", loaded.digest()),
                }),
                ..PolicyCondition::new(ConditionStatus::True, "Loaded", message)
            }
        }
        State::Refused(refusal) => {
            let consequence = match policy.on_error {
                OnError::Deny => "each rollout that it matches is denied (onError: Deny)",
                OnError::Allow => "it stops no rollout (onError: Allow)",
            };
            let problems = joined(&refusal.problems);
            let reason = match refusal.cause {
                RefusalCause::Load => "LoadFailed",
                RefusalCause::Ceiling => "CeilingExceeded",
            };
            PolicyCondition::new(
                ConditionStatus::False,
                reason,
                format!("{problems}; {consequence}"),
            )
        }
    };
    Some(condition)
}

/// Joins problems, without the name of the object that they are shown in.
fn joined(problems: &[Problem]) -> String {
    let one = |problem: &Problem| match &problem.hint {
        Some(hint) => format!("{} (hint: {hint})", problem.message),
        None => problem.message.clone(),
    };
    problems.iter().map(one).collect::<Vec<_>>().join("; ")
}
