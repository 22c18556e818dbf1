//! The Events that a decision causes.

use rollgate_model::{Kind, Operation, Outcome};
use sha2::{Digest, Sha256};

use super::caller::WriteAccess;
use super::decision::{Decision, PolicyResult};
use super::overrides::{TemplateHash, uid_of};
use super::render;

/// Takes Events. It neither waits nor fails: what it cannot take is dropped and counted.
pub trait EventSink: Send + Sync {
    /// Takes one Event.
    fn send(&self, event: RolloutEvent, access: WriteAccess);
}

/// Something that happened to a workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolloutEvent {
    /// The workload's kind.
    pub kind: Kind,
    /// The workload's namespace.
    pub namespace: String,
    /// The workload's name.
    pub name: String,
    /// The workload's UID; `None` if its creation was refused.
    pub uid: Option<String>,
    /// What happened.
    pub what: EventKind,
    /// One line for people.
    pub note: String,
    /// Equal for Events that say the same, whatever the numbers in their notes.
    pub digest: [u8; 8],
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// A rollout was denied.
    Denied,
    /// A rollout was held.
    Held,
    /// An override let a rollout pass.
    Overridden,
    /// A rollout was allowed although a policy failed.
    NotEvaluated,
}

impl EventKind {
    /// Returns whether the result of a policy is part of the Event.
    pub(super) fn concerns(self, result: &PolicyResult) -> bool {
        match self {
            Self::Denied | Self::Held => result.blocks(),
            Self::Overridden => result.passed_by.is_some(),
            Self::NotEvaluated => result.failed_open(),
        }
    }
}

/// Returns the Events that a decision causes.
pub(super) fn events_of(decision: &Decision) -> Vec<RolloutEvent> {
    let blocked = match decision.outcome() {
        Outcome::Deny => Some(EventKind::Denied),
        Outcome::Hold(_) => Some(EventKind::Held),
        Outcome::Allow => None,
    };
    let any = |is: fn(&PolicyResult) -> bool| decision.results().iter().any(is);
    let overridden = any(|result| result.passed_by.is_some()).then_some(EventKind::Overridden);
    let failed = any(PolicyResult::failed_open).then_some(EventKind::NotEvaluated);
    let kinds = blocked.into_iter().chain(overridden).chain(failed);
    kinds.map(|what| event(decision, what)).collect()
}

fn event(decision: &Decision, what: EventKind) -> RolloutEvent {
    let rollout = decision.rollout();
    let subject = rollout.subject();
    let uid = match (rollout.operation(), decision.outcome()) {
        // The API server gives the object its UID before it asks for admission.
        (Operation::Create, Outcome::Allow) => {
            subject.json("/metadata/uid").and_then(|uid| uid.as_str())
        }
        _ => uid_of(rollout),
    };
    RolloutEvent {
        kind: subject.kind(),
        namespace: subject.namespace().to_owned(),
        name: subject.name().to_owned(),
        uid: uid.map(str::to_owned),
        what,
        note: render::event_note(decision, what),
        digest: digest(decision, what),
    }
}

/// Covers what a retry repeats: policies, rules and paths, but no measured value or duration.
fn digest(decision: &Decision, what: EventKind) -> [u8; 8] {
    let rollout = decision.rollout();
    let mut hasher = Sha256::new();
    hasher.update([what as u8]);
    hasher.update(rollout.change().as_str());
    let results = decision.results().iter();
    for result in results.filter(|result| what.concerns(result)) {
        hasher.update(format!("\n{}", result.policy));
        match &result.verdict {
            Ok(verdict) => render::reasons_of(verdict)
                .for_each(|finding| hasher.update(render::rule_and_path(finding))),
            Err(error) => hasher.update(error.kind()),
        }
        if let Some(passed_by) = &result.passed_by {
            let template = TemplateHash::of(rollout.subject());
            hasher.update(format!("{} {template}", passed_by.name));
        }
    }
    let mut digest = [0; 8];
    digest.copy_from_slice(&hasher.finalize()[..8]);
    digest
}
