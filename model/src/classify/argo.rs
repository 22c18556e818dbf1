//! What people do to an Argo Rollout through its status, told from what its controller does.
//!
//! Sources in argo-rollouts: `promote` and `retry` of pkg/kubectl-argo-rollouts/cmd patch the
//! status; rollout/pause.go clears `controllerPause` whenever the controller itself ends a pause;
//! utils/conditions `RolloutProgressing` writes a new condition whenever the controller itself
//! takes a step.

use serde_json::Value;

use crate::kind::Kind;
use crate::workload::Workload;

/// `promote`: ends a pause, skips a step, or skips all that is left.
pub(super) fn promotes(old: &Workload, new: &Workload) -> bool {
    let Some((old, new)) = statuses(old, new) else {
        return false;
    };
    let promoted_fully = !is_true(old, "promoteFull") && is_true(new, "promoteFull");
    let pause_ended = has_pauses(old) && !has_pauses(new) && is_true(new, "controllerPause");
    let step_skipped =
        step(new) > step(old) && same(old, new, "conditions") && same(old, new, "currentPodHash");
    promoted_fully || pause_ended || step_skipped
}

/// Whether what holds a new template back is taken away: the steps of a canary, or the wait of a
/// blue/green switch for somebody to promote it.
pub(super) fn loosens(old: &Workload, new: &Workload) -> bool {
    const HOLDS_BACK: [&str; 3] = [
        "/spec/strategy/canary/steps",
        "/spec/strategy/blueGreen/autoPromotionEnabled",
        "/spec/strategy/blueGreen/autoPromotionSeconds",
    ];
    let kind = |workload: &Workload| workload.strategy().map(|strategy| strategy.kind.clone());
    new.kind() == Kind::Rollout
        && (kind(old) != kind(new) || HOLDS_BACK.iter().any(|at| old.json(at) != new.json(at)))
}

/// `retry`: an aborted rollout goes on. The controller itself forgets an abort only with a new
/// template.
pub(super) fn retries(old: &Workload, new: &Workload) -> bool {
    statuses(old, new).is_some_and(|(old, new)| {
        is_true(old, "abort") && !is_true(new, "abort") && same(old, new, "currentPodHash")
    })
}

/// `restart`: replaces the Pods of the present template.
pub(super) fn restarts(old: &Workload, new: &Workload) -> bool {
    let (before, after) = (old.json("/spec/restartAt"), new.json("/spec/restartAt"));
    new.kind() == Kind::Rollout && after.is_some() && after != before
}

fn statuses<'a>(old: &'a Workload, new: &'a Workload) -> Option<(&'a Value, &'a Value)> {
    if new.kind() != Kind::Rollout {
        return None;
    }
    let status = |workload: &'a Workload| workload.json("/status").unwrap_or(&Value::Null);
    Some((status(old), status(new)))
}

fn has_pauses(status: &Value) -> bool {
    status
        .get("pauseConditions")
        .and_then(Value::as_array)
        .is_some_and(|pauses| !pauses.is_empty())
}

fn is_true(status: &Value, key: &str) -> bool {
    status.get(key) == Some(&Value::Bool(true))
}

fn step(status: &Value) -> i64 {
    status
        .get("currentStepIndex")
        .and_then(Value::as_i64)
        .unwrap_or(0)
}

fn same(old: &Value, new: &Value, key: &str) -> bool {
    old.get(key).unwrap_or(&Value::Null) == new.get(key).unwrap_or(&Value::Null)
}
