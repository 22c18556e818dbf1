//! A Service whose selector changes moves traffic to other Pods; so may one that is new, or of
//! another type.

use super::template::ARGO_HASH;
use super::{Classified, FirstSight, Open};
use crate::change::Change;
use crate::request::Asker;
use crate::revisions::{Order, Revisions, Undo};
use crate::workload::Workload;

/// A new Service has no Pods of its own: they may have been there before it.
pub(super) fn created(asker: Asker) -> Classified {
    match asker {
        Asker::ArgoController => Classified::NotARollout {
            why: "Argo's controller creates the Services of its experiments",
        },
        Asker::Other => super::alone(Change::Create, None),
    }
}

/// Whether traffic now goes elsewhere. What leads it past the selector is never a way back.
pub(super) fn first_sight(asker: Asker, old: &Workload, new: &Workload) -> FirstSight {
    let (left, chosen) = (old.selector(), new.selector());
    let told = if let Some(field) = redirected(old, new) {
        super::alone(
            Change::Release,
            Some(format!("`spec.{field}` of the Service changed")),
        )
    } else if left == chosen {
        Classified::NotARollout {
            why: "the selector and the type of the Service are the same",
        }
    } else if asker == Asker::ArgoController && without_hash(left).eq(without_hash(chosen)) {
        Classified::NotARollout {
            why: "only `rollouts-pod-template-hash` of the selector changed, which is a step of Argo's controller",
        }
    } else {
        return FirstSight::Open(Open::Switched);
    };
    FirstSight::Told(told)
}

/// The field beside the selector that tells who gets the traffic, where one changed: an
/// `ExternalName` leads it out of the cluster, and Pods that are not ready get none unless their
/// addresses are published.
fn redirected(old: &Workload, new: &Workload) -> Option<&'static str> {
    const FIELDS: [(&str, &str); 3] = [
        ("type", "/spec/type"),
        ("externalName", "/spec/externalName"),
        ("publishNotReadyAddresses", "/spec/publishNotReadyAddresses"),
    ];
    let told = |side: &Workload, pointer| {
        let value = side.json(pointer).cloned();
        value.filter(|value| *value != false && *value != "" && *value != "ClusterIP")
    };
    FIELDS
        .into_iter()
        .find(|(_, pointer)| told(old, pointer) != told(new, pointer))
        .map(|(field, _)| field)
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
        Revisions::Unknown { why } | Revisions::OutOfReach { why } => {
            return Switch::Unknown(why.clone());
        }
    };
    // A ReplicaSet without Pods gets no traffic, whatever its labels.
    let with_pods = || {
        revisions
            .iter()
            .filter(|revision| revision.has_pods != Some(false))
    };
    let chosen_ones = with_pods().filter(|revision| revision.is_selected_by(chosen));
    if let Some(odd) = chosen_ones.clone().find(|revision| revision.flaw.is_some()) {
        return Switch::Unknown(format!(
            "ReplicaSet {} was not made by the controller of a Deployment or an Argo Rollout",
            odd.name
        ));
    }
    let to = chosen_ones.max_by_key(|to| to.created);
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
        (Some(from), Some(to)) if to.came_before(from) == Order::Before => Switch::Back(format!(
            "traffic goes back to the Pods of ReplicaSet {}, which is older than {} that it leaves",
            to.name, from.name
        )),
        _ => Switch::Forward,
    }
}

fn without_hash(selector: &Labels) -> impl Iterator<Item = &(String, String)> {
    selector.iter().filter(|(key, _)| key != ARGO_HASH)
}
