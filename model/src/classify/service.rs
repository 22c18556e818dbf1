//! A Service whose selector changes moves traffic to other Pods.

use super::Classified;
use super::template::ARGO_HASH;
use crate::change::Change;
use crate::revisions::{Revision, Revisions, Undo};
use crate::workload::Workload;

pub(super) fn classify(old: &Workload, new: &Workload, revisions: &Revisions) -> Classified {
    let (left, chosen) = (old.selector(), new.selector());
    if left == chosen {
        return Classified::NotARollout {
            why: "the selector of the Service is the same",
        };
    }
    if without_hash(left).eq(without_hash(chosen)) {
        return Classified::NotARollout {
            why: "only `rollouts-pod-template-hash` of the selector changed, which is a step of Argo's controller",
        };
    }
    let (change, note) = match switch(left, chosen, revisions) {
        Switch::Back(note) => (Change::Rollback, Some(note)),
        Switch::Forward => (Change::Release, None),
        Switch::Unknown(why) => (
            Change::Release,
            Some(format!(
                "whether traffic goes back to older Pods could not be told: {why}"
            )),
        ),
    };
    Classified::Rollout {
        change,
        note,
        undo: Undo::NotPossible,
    }
}

type Labels = [(String, String)];

enum Switch {
    Back(String),
    Forward,
    Unknown(String),
}

/// Whether traffic goes back: every ReplicaSet that it goes to is older than each that it leaves.
fn switch(left: &Labels, chosen: &Labels, revisions: &Revisions) -> Switch {
    let revisions = match revisions {
        Revisions::Known(revisions) => revisions,
        Revisions::Unknown { why } => return Switch::Unknown(why.clone()),
    };
    // A ReplicaSet without Pods gets no traffic, whatever its labels.
    let with_pods = || {
        revisions
            .iter()
            .filter(|revision| revision.has_pods != Some(false))
    };
    let to = with_pods()
        .filter(|revision| selects(chosen, revision))
        .max_by_key(|to| to.created);
    let from = with_pods()
        .filter(|revision| selects(left, revision) && !selects(chosen, revision))
        .min_by_key(|from| from.created);
    match (from, to) {
        (_, None) => {
            Switch::Unknown("no ReplicaSet with Pods has the labels of the new selector".to_owned())
        }
        (None, _) => {
            Switch::Unknown("no ReplicaSet with Pods is left by the new selector".to_owned())
        }
        (Some(from), Some(to)) if to.created < from.created => Switch::Back(format!(
            "traffic goes back to the Pods of ReplicaSet {}, which is older than {} that it leaves",
            to.name, from.name
        )),
        _ => Switch::Forward,
    }
}

/// A Service without a selector selects no Pods (core/v1 ServiceSpec).
fn selects(selector: &Labels, revision: &Revision) -> bool {
    let labels = revision.template().pointer("/metadata/labels");
    let has = |key: &str, value: &str| {
        labels
            .and_then(|labels| labels.get(key)?.as_str())
            .is_some_and(|label| label == value)
    };
    !selector.is_empty() && selector.iter().all(|(key, value)| has(key, value))
}

fn without_hash(selector: &Labels) -> impl Iterator<Item = &(String, String)> {
    selector.iter().filter(|(key, _)| key != ARGO_HASH)
}
