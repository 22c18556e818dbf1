//! Recognizes what people do to an Argo Rollout through its status and its strategy.
//!
//! Argo Rollouts' controller keeps the state of a rollout in the status, and continues from what it
//! finds there, whoever wrote it. So every change of a status by anybody but the controller counts as
//! a promotion, except an abort. A list of the fields that advance a rollout would have to be complete
//! for every version of Argo Rollouts.
//!
//! Sources in argo-rollouts: `promote`, `abort` and `retry` of pkg/kubectl-argo-rollouts/cmd patch
//! the status; `RolloutStatus` and `CanaryStrategy` of pkg/apis/rollouts/v1alpha1/types.go.

use crate::json::{Map, Value};

use crate::kind::Kind;
use crate::request::Requester;
use crate::workload::Workload;

/// A command of `kubectl argo rollouts` that a change of the status amounts to.
pub(super) enum StatusCommand {
    /// Ends a pause, skips steps, or overwrites the controller's state.
    Promote {
        /// Names a changed field that only the controller should write.
        note: Option<String>,
    },
    /// Continues an aborted rollout.
    Retry,
}

/// Returns the command that a change of the status amounts to. An abort starts nothing new, and what
/// the controller writes itself is no command.
pub(super) fn status_command(
    requester: Requester,
    old: &Workload,
    new: &Workload,
) -> Option<StatusCommand> {
    if new.kind() != Kind::Rollout || requester == Requester::ArgoController {
        return None;
    }
    let [before, after] = [old, new].map(|side| side.json("/status").unwrap_or(&Value::Null));
    match differing(before, after).as_slice() {
        [] => None,
        ["abort"] if after.field("abort") == &Value::Bool(true) => None,
        ["abort"] => Some(StatusCommand::Retry),
        fields => Some(StatusCommand::Promote {
            note: fields
                .iter()
                .find(|field| !WRITTEN_BY_PEOPLE.contains(field))
                .map(|field| controller_field_note(field)),
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

fn controller_field_note(field: &str) -> String {
    format!(
        "only Argo Rollouts' controller should write `status.{field}`, and rollgate does not know this user as the controller; if it is the controller, name it by `--argo-controller` (chart: `webhook.argoControllers`)"
    )
}

/// Whether the update changes what delays a new template: the steps of a canary, its analysis, the
/// pause of a blue/green switch, or the Services and routes that decide which Pods get the traffic.
pub(super) fn loosens(old: &Workload, new: &Workload) -> bool {
    let kind = |workload: &Workload| workload.strategy().map(|strategy| strategy.kind.clone());
    let changed = |strategy| {
        let [old, new] = [old, new].map(|side| side.json(strategy).unwrap_or(&Value::Null));
        differing(old, new)
            .iter()
            .any(|field| !DELAYS_NOTHING.contains(field))
    };
    new.kind() == Kind::Rollout
        && (kind(old) != kind(new)
            || ["/spec/strategy/canary", "/spec/strategy/blueGreen"]
                .into_iter()
                .any(changed))
}

/// The fields of a strategy that set how many Pods there are, where they run and how long they are
/// kept, but not which of them get traffic.
const DELAYS_NOTHING: [&str; 9] = [
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

/// Whether the update is a `kubectl argo rollouts restart`.
pub(super) fn restarts(old: &Workload, new: &Workload) -> bool {
    let (before, after) = (old.json("/spec/restartAt"), new.json("/spec/restartAt"));
    new.kind() == Kind::Rollout && after.is_some() && after != before
}

/// Returns the fields in which two objects differ. An absent field equals an empty one.
fn differing<'a>(old: &'a Value, new: &'a Value) -> Vec<&'a str> {
    let fields = |object: &'a Value| object.as_object().into_iter().flat_map(Map::keys);
    let differs = |field: &&'a str| {
        let [old, new] =
            [old, new].map(|object| object.get(field).filter(|value| !is_unset(value)));
        old != new
    };
    let added = fields(new).filter(|field| old.get(field).is_none());
    let all = fields(old).chain(added);
    all.filter(differs).collect()
}

/// Whether Go omits the value under `omitempty`. A number counts as set: step 0 is not the same as no
/// step.
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
