//! What people do to an Argo Rollout through its status and its strategy.
//!
//! Argo's controller keeps the state of a rollout in the status and goes on from what it finds
//! there, whoever wrote it. So every change of a status by anybody but the controller counts as a
//! promotion; only an abort is free. A list of the fields that move a rollout would have to be
//! complete for every version of Argo.
//!
//! Sources in argo-rollouts: `promote`, `abort` and `retry` of pkg/kubectl-argo-rollouts/cmd patch
//! the status; `RolloutStatus` and `CanaryStrategy` of pkg/apis/rollouts/v1alpha1/types.go.

use serde_json::{Map, Value};

use crate::kind::Kind;
use crate::request::Asker;
use crate::workload::Workload;

/// What somebody asks of Argo's controller through the status of a Rollout.
pub(super) enum Asked {
    /// `promote`: ends a pause, skips a step or all that is left, or writes what the controller
    /// believes.
    Promotion {
        /// Names a field that people do not write, where one changed.
        note: Option<String>,
    },
    /// `retry`: an aborted rollout goes on.
    Retry,
}

/// Tells what a change of the status asks for. An abort asks for nothing new to run, and what the
/// controller writes is a step of its own.
pub(super) fn asked(asker: Asker, old: &Workload, new: &Workload) -> Option<Asked> {
    if new.kind() != Kind::Rollout || asker == Asker::ArgoController {
        return None;
    }
    let [before, after] = [old, new].map(|side| side.json("/status").unwrap_or(&Value::Null));
    match differing(before, after).as_slice() {
        [] => None,
        ["abort"] if after["abort"] == true => None,
        ["abort"] => Some(Asked::Retry),
        fields => Some(Asked::Promotion {
            note: fields
                .iter()
                .find(|field| !WRITTEN_BY_PEOPLE.contains(field))
                .map(|field| controllers_own(field)),
        }),
    }
}

/// The fields that people write, by `promote`, `abort` and `retry`.
const WRITTEN_BY_PEOPLE: [&str; 5] = [
    "abort",
    "pauseConditions",
    "controllerPause",
    "currentStepIndex",
    "promoteFull",
];

fn controllers_own(field: &str) -> String {
    format!(
        "`status.{field}` is for Argo's controller to write, and whoever asks is not known as it: if it is, name its user by `--argo-controller` (chart: `webhook.argoControllers`)"
    )
}

/// Whether what holds a new template back is taken away or led elsewhere: the steps of a canary, its
/// analysis, the wait of a blue/green switch, the Services and routes that tell which Pods get the
/// traffic.
pub(super) fn loosens(old: &Workload, new: &Workload) -> bool {
    let kind = |workload: &Workload| workload.strategy().map(|strategy| strategy.kind.clone());
    let changed = |strategy| {
        let [old, new] = [old, new].map(|side| side.json(strategy).unwrap_or(&Value::Null));
        differing(old, new)
            .iter()
            .any(|field| !HOLD_NOTHING_BACK.contains(field))
    };
    new.kind() == Kind::Rollout
        && (kind(old) != kind(new)
            || ["/spec/strategy/canary", "/spec/strategy/blueGreen"]
                .into_iter()
                .any(changed))
}

/// The fields of a strategy that tell how many Pods there are, where they run and how long they are
/// kept, not which of them get traffic.
const HOLD_NOTHING_BACK: [&str; 9] = [
    "abortScaleDownDelaySeconds",
    "antiAffinity",
    "dynamicStableScale",
    "maxSurge",
    "maxUnavailable",
    "minPodsPerReplicaSet",
    "previewReplicaCount",
    "scaleDownDelayRevisionLimit",
    "scaleDownDelaySeconds",
];

/// `restart`: replaces the Pods of the present template.
pub(super) fn restarts(old: &Workload, new: &Workload) -> bool {
    let (before, after) = (old.json("/spec/restartAt"), new.json("/spec/restartAt"));
    new.kind() == Kind::Rollout && after.is_some() && after != before
}

/// The fields in which two objects differ. One that is left out is the same as one that is empty.
fn differing<'a>(old: &'a Value, new: &'a Value) -> Vec<&'a str> {
    let fields = |object: &'a Value| object.as_object().into_iter().flat_map(Map::keys);
    let differs = |field: &&'a String| {
        let [old, new] =
            [old, new].map(|object| object.get(*field).filter(|value| !is_unset(value)));
        old != new
    };
    let added = fields(new).filter(|field| old.get(*field).is_none());
    let all = fields(old).chain(added);
    all.filter(differs).map(String::as_str).collect()
}

/// Whether Go leaves a value out where the field says `omitempty`. Not so a number: a step of 0 is
/// not the same as none.
fn is_unset(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(set) => !set,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Number(_) => false,
    }
}
