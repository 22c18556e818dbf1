//! What is to be said of an object.

use crate::cluster::crd::ModuleStatus;
use crate::cluster::feed::{Consequence, Fault, Followed, Object};
use crate::config::{OnError, Policy, Problem, SourceState, State};
use crate::server::live::Standing;

/// The longest message that a condition may have.
const LONGEST: usize = 32 << 10;

/// What is said of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) ready: Ready,
    pub(super) message: String,
    pub(super) module: Option<ModuleStatus>,
}

/// Whether an object does what its spec says; with the reason in CamelCase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ready {
    Yes(&'static str),
    No(&'static str),
}

/// What is said of an object by what is in force; `None` where its spec is not yet what came into
/// force last.
pub(super) fn of(object: &Object, standing: &Standing, faults: &[Fault]) -> Option<Word> {
    let key = object.key();
    let generation = object.generation();
    let fault = faults.iter().find(|fault| fault.key == key);
    if let Some(fault) = fault {
        return (fault.generation == generation).then(|| of_fault(fault));
    }
    match key.kind {
        Followed::MetricSource => {
            let mut sources = standing.sources.iter();
            let source = sources.find(|source| source.name == key.name)?;
            (source.generation == generation).then(|| of_source(source))
        }
        Followed::ClusterRolloutPolicy | Followed::RolloutPolicy => {
            let name = object.head().policy_name();
            let mut policies = standing.set.policies().iter();
            let policy = policies.find(|policy| policy.name == name)?;
            (policy.generation == generation).then(|| of_policy(policy))
        }
    }
}

fn of_fault(fault: &Fault) -> Word {
    let (reason, consequence) = match (fault.consequence, fault.key.kind) {
        (Consequence::LastGood(Some(generation)), _) => (
            "InvalidKeptLast",
            format!("generation {generation} of it stays in force"),
        ),
        (Consequence::LastGood(None), _) => (
            "InvalidKeptLast",
            "what it was before stays in force".to_owned(),
        ),
        (Consequence::Failing, Followed::MetricSource) => {
            ("Invalid", "every query to it fails".to_owned())
        }
        (Consequence::Failing, _) => (
            "Invalid",
            "each rollout that it matches is answered by its onError".to_owned(),
        ),
        (Consequence::Nothing, _) => (
            "InvalidNotInForce",
            "it judges nothing, because it does not tell what it matches".to_owned(),
        ),
    };
    Word {
        ready: Ready::No(reason),
        message: cut(format!("{}; {consequence}", joined(&fault.problems))),
        module: None,
    }
}

fn of_source(source: &SourceState) -> Word {
    let (ready, message) = match &source.problem {
        None => (Ready::Yes("SetUp"), "it can be asked".to_owned()),
        Some(problem) => {
            let problem = joined(std::slice::from_ref(problem));
            let message = format!("{problem}; every query to it fails");
            (Ready::No("SetUpFailed"), message)
        }
    };
    Word {
        ready,
        message: cut(message),
        module: None,
    }
}

fn of_policy(policy: &Policy) -> Word {
    match &policy.state {
        State::Ready(loaded) => {
            let about = loaded.description();
            Word {
                ready: Ready::Yes("Loaded"),
                message: cut(format!("judges by {} {}", about.name, about.version)),
                module: Some(ModuleStatus {
                    name: about.name.clone(),
                    version: about.version.clone(),
                    digest: format!("sha256:{}", loaded.digest()),
                }),
            }
        }
        State::Refused(refusal) => {
            let consequence = match policy.on_error {
                OnError::Deny => "each rollout that it matches is denied (onError: Deny)",
                OnError::Allow => "no rollout is stopped by it (onError: Allow)",
            };
            let problems = joined(&refusal.problems);
            Word {
                ready: Ready::No("LoadFailed"),
                message: cut(format!("{problems}; {consequence}")),
                module: None,
            }
        }
    }
}

/// Without the object's name, which is where this is said.
fn joined(problems: &[Problem]) -> String {
    let one = |problem: &Problem| match &problem.hint {
        Some(hint) => format!("{} (hint: {hint})", problem.message),
        None => problem.message.clone(),
    };
    problems.iter().map(one).collect::<Vec<_>>().join("; ")
}

fn cut(mut message: String) -> String {
    message.truncate(message.floor_char_boundary(LONGEST));
    message
}
