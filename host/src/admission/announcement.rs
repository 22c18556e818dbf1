//! What others than the one who asks are told of a decision: the Events of a cluster.

use rollgate_model::{Kind, Operation};
use sha2::{Digest, Sha256};

use super::caller::WriteAccess;
use super::decision::{Answer, Decision, Judged};
use super::message;
use super::overrides::{TemplateHash, uid_of};

/// Takes announcements. Never waits and never fails: what cannot be taken is dropped and counted.
pub trait Announcements: Send + Sync {
    /// Takes one.
    fn announce(&self, announcement: Announcement, access: WriteAccess);
}

/// Something that happened to a workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// The workload's kind.
    pub kind: Kind,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its UID; `None` where it does not come into being.
    pub uid: Option<String>,
    /// What happened.
    pub what: Announced,
    /// One line for people.
    pub note: String,
    /// The same for the same thing that happens again, whatever the numbers in its note.
    pub digest: [u8; 8],
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Announced {
    /// A rollout was denied.
    Denied,
    /// A rollout was held.
    Held,
    /// A rollout passed by an override what would have stopped it.
    Overridden,
    /// A rollout may go although policies could not judge it.
    Unjudged,
}

/// What is to be told of a decision.
pub(super) fn of(decision: &Decision) -> Vec<Announcement> {
    let stopped = match decision.answer() {
        Answer::Deny => Some(Announced::Denied),
        Answer::Hold(_) => Some(Announced::Held),
        Answer::Allow => None,
    };
    let any = |is: fn(&Judged) -> bool| decision.judged().iter().any(is);
    let overridden = any(|judged| judged.passed_by.is_some()).then_some(Announced::Overridden);
    let unjudged = any(Judged::failed_open).then_some(Announced::Unjudged);
    let told = stopped.into_iter().chain(overridden).chain(unjudged);
    told.map(|what| announce(decision, what)).collect()
}

impl Announced {
    /// Whether this word of a policy belongs to it.
    pub(super) fn concerns(self, judged: &Judged) -> bool {
        match self {
            Self::Denied | Self::Held => judged.counts() != Answer::Allow,
            Self::Overridden => judged.passed_by.is_some(),
            Self::Unjudged => judged.failed_open(),
        }
    }
}

fn announce(decision: &Decision, what: Announced) -> Announcement {
    let rollout = decision.rollout();
    let subject = rollout.subject();
    let uid = match (rollout.operation(), decision.answer()) {
        // The object of a creation that goes on keeps the UID that it has now.
        (Operation::Create, Answer::Allow) => {
            subject.json("/metadata/uid").and_then(|uid| uid.as_str())
        }
        _ => uid_of(rollout),
    };
    Announcement {
        kind: subject.kind(),
        namespace: subject.namespace().to_owned(),
        name: subject.name().to_owned(),
        uid: uid.map(str::to_owned),
        what,
        note: message::note_of(decision, what),
        digest: digest(decision, what),
    }
}

/// Of what a retry repeats: who says what where, but no measured value, no waiting time.
fn digest(decision: &Decision, what: Announced) -> [u8; 8] {
    let rollout = decision.rollout();
    let mut hasher = Sha256::new();
    hasher.update([what as u8]);
    hasher.update(rollout.change().as_str());
    for judged in decision
        .judged()
        .iter()
        .filter(|judged| what.concerns(judged))
    {
        hasher.update(format!("\n{}", judged.policy));
        match &judged.said {
            Ok(verdict) => message::reasons_of(verdict)
                .for_each(|finding| hasher.update(message::rule_and_place(finding))),
            Err(error) => hasher.update(error.kind()),
        }
        if let Some(passage) = &judged.passed_by {
            let template = TemplateHash::of(rollout.subject());
            hasher.update(format!("{} {template}", passage.name));
        }
    }
    let mut digest = [0; 8];
    digest.copy_from_slice(&hasher.finalize()[..8]);
    digest
}
