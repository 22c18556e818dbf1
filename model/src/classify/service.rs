//! A Service whose selector changes moves traffic to other Pods.

use super::template::ARGO_HASH;
use super::{Classified, FirstSight, Open};
use crate::change::Change;
use crate::revisions::{Revisions, Undo};
use crate::workload::Workload;

/// Whether the selector now selects other Pods.
pub(super) fn first_sight(old: &Workload, new: &Workload) -> FirstSight {
    let (left, chosen) = (old.selector(), new.selector());
    let why = if left == chosen {
        "the selector of the Service is the same"
    } else if without_hash(left).eq(without_hash(chosen)) {
        "only `rollouts-pod-template-hash` of the selector changed, which is a step of Argo's controller"
    } else {
        return FirstSight::Open(Open::Switched);
    };
    FirstSight::Told(Classified::NotARollout { why })
}

/// Whether the Pods that it selects now are older than those that it leaves.
pub(super) fn settle(old: &Workload, new: &Workload, revisions: &Revisions) -> Classified {
    let (change, note) = match switch(old.selector(), new.selector(), revisions) {
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
        .filter(|revision| revision.is_selected_by(chosen))
        .max_by_key(|to| to.created);
    let from = with_pods()
        .filter(|revision| revision.is_selected_by(left) && !revision.is_selected_by(chosen))
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

fn without_hash(selector: &Labels) -> impl Iterator<Item = &(String, String)> {
    selector.iter().filter(|(key, _)| key != ARGO_HASH)
}
