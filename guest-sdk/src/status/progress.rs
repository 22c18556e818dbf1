//! How far the rollout of a workload is, by its status.

use super::workload::{Object, WorkloadKind, WorkloadStatus};
use std::fmt;

/// How far a rollout is.
///
/// It is [`Complete`](Progress::Complete) only where `kubectl rollout status` (for an Argo Rollout:
/// `kubectl argo rollouts status`) ends with success. What that command waits for or fails at
/// has a case each. The text says what is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// All Pods have the present template and are available.
    Complete,
    /// The controller is replacing Pods, or has not begun to.
    Rolling(String),
    /// The controller has given up: the progress deadline is over.
    Stalled(String),
    /// The rollout is over, and Pods are missing that were available at its end, or that a scaling
    /// has asked for since.
    Unavailable(String),
    /// The controller replaces no Pod by itself (`OnDelete`), and some have another template.
    OnDelete(String),
}

impl Progress {
    /// Whether Pods are being replaced, or were to be until the controller gave up.
    #[must_use]
    pub const fn is_rolling(&self) -> bool {
        matches!(self, Self::Rolling(_) | Self::Stalled(_))
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Complete => "all Pods are available",
            Self::Rolling(why)
            | Self::Stalled(why)
            | Self::Unavailable(why)
            | Self::OnDelete(why) => why,
        })
    }
}

/// The reason of a Deployment's condition `Progressing` after a complete rollout.
pub(super) const COMPLETE: &str = "NewReplicaSetAvailable";
const DEADLINE: &str = "ProgressDeadlineExceeded";
const ON_DELETE: &str = "OnDelete";

/// Returns the progress of a workload.
pub(super) fn of(workload: &WorkloadStatus) -> Progress {
    let object = &workload.object;
    let observed = object.status.observed_generation;
    if observed == 0 || observed < object.metadata.generation {
        let why = "its controller has not seen its latest change yet";
        return Progress::Rolling(why.to_owned());
    }
    match workload.kind() {
        WorkloadKind::Deployment => of_deployment(object),
        WorkloadKind::StatefulSet => of_stateful_set(object),
        WorkloadKind::DaemonSet => of_daemon_set(object),
        WorkloadKind::Rollout => of_argo_rollout(object),
    }
}

/// The numbers of Pods that decide.
struct Counts {
    wanted: i64,
    updated: i64,
    available: i64,
}

impl Counts {
    fn not_updated(&self) -> Option<String> {
        let (updated, wanted) = (self.updated, self.wanted);
        (updated < wanted).then(|| format!("{updated} of {wanted} Pods are updated"))
    }

    fn not_available(&self) -> Option<String> {
        let (available, wanted) = (self.available, self.wanted);
        (available < wanted).then(|| format!("{available} of {wanted} Pods are available"))
    }
}

fn of_deployment(object: &Object) -> Progress {
    let status = &object.status;
    let reason = status
        .conditions
        .iter()
        .find(|condition| condition.r#type == "Progressing")
        .map_or("", |condition| &condition.reason);
    let counts = Counts {
        wanted: object.spec.replicas,
        updated: status.updated,
        available: status.available,
    };
    let is_recreate = object.spec.strategy == "Recreate";
    let old = status.existing - status.updated;
    let missing = counts
        .not_updated()
        .or_else(|| (old > 0).then(|| format!("{old} Pods of an earlier template still run")))
        .or_else(|| counts.not_available());
    match missing {
        _ if reason == DEADLINE => {
            let missing = missing.map(|missing| format!(": {missing}"));
            Progress::Stalled(format!(
                "its progress deadline is over{}",
                missing.unwrap_or_default()
            ))
        }
        None => Progress::Complete,
        // With Recreate, a rollback may keep the reason of the last rollout all the way.
        Some(missing) if reason == COMPLETE && old == 0 && !is_recreate => {
            Progress::Unavailable(missing)
        }
        Some(missing) if object.spec.is_paused => {
            Progress::Rolling(format!("it is paused: {missing}"))
        }
        Some(missing) => Progress::Rolling(missing),
    }
}

fn of_stateful_set(object: &Object) -> Progress {
    let status = &object.status;
    let wanted = object.spec.replicas;
    let partition = object.spec.partition;
    let counts = Counts {
        wanted,
        updated: status.updated,
        available: status.available,
    };
    if object.spec.strategy == ON_DELETE {
        return of_on_delete(&counts);
    }
    // Below the partition, Pods keep their template.
    let to_update = Counts {
        wanted: (wanted - partition).max(0),
        ..counts
    };
    let missing = to_update.not_updated().or_else(|| counts.not_available());
    // When a rollout is reverted half-way, the revisions are equal, and Pods of another one exist.
    let is_over =
        status.current_revision == status.update_revision && status.existing <= status.updated;
    match missing {
        None => Progress::Complete,
        Some(missing) if is_over => Progress::Unavailable(missing),
        Some(missing) => Progress::Rolling(missing),
    }
}

fn of_daemon_set(object: &Object) -> Progress {
    let status = &object.status;
    let counts = Counts {
        wanted: status.desired,
        updated: status.updated,
        available: status.available,
    };
    if object.spec.strategy == ON_DELETE {
        return of_on_delete(&counts);
    }
    // The status does not show whether the rollout was complete before: a Pod that is missing since
    // counts as one that is being replaced.
    counts
        .not_updated()
        .or_else(|| counts.not_available())
        .map_or(Progress::Complete, Progress::Rolling)
}

fn of_on_delete(counts: &Counts) -> Progress {
    if let Some(missing) = counts.not_updated() {
        return Progress::OnDelete(format!("{missing}, and only deleting the others does it"));
    }
    let missing = counts.not_available();
    missing.map_or(Progress::Complete, Progress::Unavailable)
}

/// Argo's controller sums its judgement up in `status.phase`.
fn of_argo_rollout(object: &Object) -> Progress {
    let status = &object.status;
    let mut text = format!("its phase is {}", status.phase);
    if !status.message.is_empty() {
        text.push_str(": ");
        text.push_str(&status.message);
    }
    match status.phase.as_str() {
        "Healthy" => Progress::Complete,
        "Degraded" => Progress::Stalled(text),
        "" => Progress::Rolling("it has no phase yet".to_owned()),
        _ => Progress::Rolling(text),
    }
}
