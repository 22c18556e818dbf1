//! Whether a template is pending, by the old object's status, and whether a change lets it roll out.
//!
//! `metadata.generation` of the new object is whatever the request says, so it is ignored.

use crate::json::Value;

use crate::kind::Kind;
use crate::workload::Workload;

/// Whether a change lets a pending template roll out: it unpauses the workload, lowers the partition
/// of a StatefulSet, or changes `OnDelete` to `RollingUpdate`.
pub(super) fn resumes(old: &Workload, new: &Workload) -> bool {
    let unpaused = old.paused() && !new.paused();
    unpaused || partition_lowered(old, new) || starts_replacing_pods(old, new)
}

/// Whether a template is pending: some of the desired Pods do not run it.
pub(super) fn is_pending(old: &Workload) -> bool {
    let Some(status) = Status::of(old) else {
        return true;
    };
    let desired = status.desired(old);
    if desired == 0 && !old.paused() && !status.argo_paused() {
        return false;
    }
    status.is_stale(old)
        || status.updated(old) < desired
        || (old.paused() && status.updated(old) == 0)
        || status.differ("currentRevision", "updateRevision")
        || status.differ("stableRS", "currentPodHash")
}

/// Whether the workload's controller has not seen the present spec yet.
pub(super) fn is_unseen(workload: &Workload) -> bool {
    Status::of(workload).is_some_and(|status| status.is_stale(workload))
}

fn partition_lowered(old: &Workload, new: &Workload) -> bool {
    let partition = |workload: &Workload| {
        workload
            .strategy()
            .and_then(|strategy| strategy.partition)
            .unwrap_or(0)
    };
    old.kind() == Kind::StatefulSet && partition(new) < partition(old)
}

fn starts_replacing_pods(old: &Workload, new: &Workload) -> bool {
    let is = |workload: &Workload, kind| {
        workload
            .strategy()
            .is_some_and(|strategy| strategy.kind == kind)
    };
    is(old, "OnDelete") && is(new, "RollingUpdate")
}

struct Status<'a>(&'a Value);

impl<'a> Status<'a> {
    /// Returns the status; `None` where no controller has written one yet.
    fn of(workload: &'a Workload) -> Option<Self> {
        let status = workload.json("/status")?;
        let written = status.as_object().is_some_and(|fields| !fields.is_empty());
        written.then_some(Self(status))
    }

    fn desired(&self, workload: &Workload) -> i64 {
        match workload.kind() {
            Kind::DaemonSet => self.number("desiredNumberScheduled"),
            _ => workload.replicas().map_or(0, i64::from),
        }
    }

    fn updated(&self, workload: &Workload) -> i64 {
        match workload.kind() {
            Kind::DaemonSet => self.number("updatedNumberScheduled"),
            _ => self.number("updatedReplicas"),
        }
    }

    /// Whether the controller has not seen the present spec, so that its counts are about another
    /// template. Argo Rollouts writes the generation as text.
    fn is_stale(&self, workload: &Workload) -> bool {
        let observed = self.0.get("observedGeneration");
        let observed =
            observed.and_then(|seen| seen.as_i64().or_else(|| seen.as_str()?.parse().ok()));
        let generation = workload
            .json("/metadata/generation")
            .and_then(Value::as_i64);
        observed
            .zip(generation)
            .is_some_and(|(observed, generation)| observed < generation)
    }

    fn argo_paused(&self) -> bool {
        self.0.get("controllerPause") == Some(&Value::Bool(true))
    }

    fn differ(&self, one: &str, other: &str) -> bool {
        let text = |key| {
            self.0
                .get(key)
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty())
        };
        text(one) != text(other)
    }

    fn number(&self, key: &str) -> i64 {
        self.0.get(key).and_then(Value::as_i64).unwrap_or(0)
    }
}
