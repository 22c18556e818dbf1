//! Classifies changes of Services: a new selector or type may move traffic to other Pods.

use super::template::ARGO_HASH;
use super::{Class, FirstPass, Question};
use crate::change::Change;
use crate::json::Value;
use crate::request::Requester;
use crate::revisions::{Order, Revisions};
use crate::workload::Workload;

/// A new Service may select Pods that exist already.
pub(super) fn created(requester: Requester) -> Class {
    match requester {
        Requester::ArgoController => Class::NotARollout {
            why: "Argo Rollouts' controller creates the Services of its experiments",
        },
        Requester::Other => Class::without_undo(Change::Create, None),
    }
}

/// Classifies an update of a Service. A redirection past the selector is never a rollback.
pub(super) fn updated(requester: Requester, old: &Workload, new: &Workload) -> FirstPass {
    let (from, to) = (old.selector(), new.selector());
    let class = if let Some(field) = redirected(old, new) {
        Class::without_undo(
            Change::Release,
            Some(format!("`spec.{field}` of the Service changed")),
        )
    } else if from == to {
        Class::NotARollout {
            why: "the selector and the type of the Service are the same",
        }
    } else if requester == Requester::ArgoController && without_hash(from).eq(without_hash(to)) {
        Class::NotARollout {
            why: "only `rollouts-pod-template-hash` of the selector changed, which is a step of Argo Rollouts' controller",
        }
    } else {
        return FirstPass::NeedsHistory(Question::TrafficSwitched);
    };
    FirstPass::Decided(class)
}

/// Returns a changed field, other than the selector, that decides where the traffic goes: an
/// `ExternalName` leads it out of the cluster, and `publishNotReadyAddresses` leads it to Pods that are
/// not ready.
fn redirected(old: &Workload, new: &Workload) -> Option<&'static str> {
    const FIELDS: [(&str, &str); 3] = [
        ("type", "/spec/type"),
        ("externalName", "/spec/externalName"),
        ("publishNotReadyAddresses", "/spec/publishNotReadyAddresses"),
    ];
    fn set<'w>(side: &'w Workload, pointer: &str) -> Option<&'w Value> {
        let is_default = |value: &Value| {
            *value == Value::Bool(false) || matches!(value.as_str(), Some("" | "ClusterIP"))
        };
        side.json(pointer).filter(|value| !is_default(value))
    }
    FIELDS
        .into_iter()
        .find(|(_, pointer)| set(old, pointer) != set(new, pointer))
        .map(|(field, _)| field)
}

/// Classifies a new selector: it is a rollback where the Pods that it selects are older than those of
/// the old one.
pub(super) fn resolve(old: &Workload, new: &Workload, revisions: &Revisions) -> Class {
    let (change, note) = match switch(old.selector(), new.selector(), revisions) {
        Switch::Back(note) => (Change::Rollback, Some(note)),
        Switch::Forward => (Change::Release, None),
        Switch::Unknown(why) => (
            Change::Release,
            Some(format!(
                "rollgate could not check whether this is a rollback: {why}"
            )),
        ),
    };
    Class::without_undo(change, note)
}

type Labels = [(String, String)];

enum Switch {
    Back(String),
    Forward,
    Unknown(String),
}

/// Whether every ReplicaSet that gets the traffic is older than each one that loses it.
fn switch(from: &Labels, to: &Labels, revisions: &Revisions) -> Switch {
    let revisions = match revisions {
        Revisions::Known(revisions) => revisions,
        Revisions::Unknown { why } | Revisions::NoCluster { why } => {
            return Switch::Unknown(why.clone());
        }
    };
    // A ReplicaSet without Pods gets no traffic, whatever its labels.
    let with_pods = || {
        revisions
            .iter()
            .filter(|revision| revision.has_pods != Some(false))
    };
    let selected = with_pods().filter(|revision| revision.is_selected_by(to));
    if let Some(odd) = selected.clone().find(|revision| revision.flaw.is_some()) {
        return Switch::Unknown(format!(
            "ReplicaSet {} was not created by the controller of a Deployment or an Argo Rollout",
            odd.name
        ));
    }
    let newest_to = selected.max_by_key(|revision| revision.created);
    let oldest_from = with_pods()
        .filter(|revision| revision.is_selected_by(from) && !revision.is_selected_by(to))
        .min_by_key(|revision| revision.created);
    match (oldest_from, newest_to) {
        (_, None) => {
            Switch::Unknown("the new selector selects no ReplicaSet that has Pods".to_owned())
        }
        (None, _) => Switch::Unknown("no ReplicaSet that has Pods loses the traffic".to_owned()),
        (Some(from), Some(to)) if to.creation_order(from) == Order::Before => {
            Switch::Back(format!(
                "traffic goes back to the Pods of ReplicaSet {}, which is older than ReplicaSet {}",
                to.name, from.name
            ))
        }
        _ => Switch::Forward,
    }
}

fn without_hash(selector: &Labels) -> impl Iterator<Item = &(String, String)> {
    selector.iter().filter(|(key, _)| key != ARGO_HASH)
}
