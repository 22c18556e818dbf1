//! How many Pods there are, and how many stay while they are replaced.

use rollgate_sdk::neighbours::Neighbours;
use rollgate_sdk::rules::{Problem, Report};
use rollgate_sdk::scale::{Replacement, Replicas, SetBy};
use rollgate_sdk::{Failure, Kind, Workload};

use crate::rules::Rule;
use crate::settings::Limits;
use crate::volume;

/// The nodes at which the strategy of a DaemonSet is computed: their number is not in the object.
const NODES: i32 = 100;

/// Checks the numbers of a workload that a Service sends traffic to.
pub(crate) fn check(
    workload: &Workload,
    service: Option<&str>,
    neighbours: &Neighbours,
    limits: Limits,
    report: &mut Report<'_, Rule>,
) -> Result<(), Failure> {
    let Some(service) = service else {
        return Ok(());
    };
    let replicas = Replicas::of(workload, neighbours)?;
    let number = replicas.as_ref().map_or(NODES, |replicas| replicas.fewest);
    // What is scaled to zero gives nobody an answer, rollout or not.
    if number == 0 {
        return Ok(());
    }
    if let Some(replicas) = &replicas
        && number < limits.min_replicas
    {
        report.add(Rule::ReplicasTooFew, || {
            too_few(workload, service, replicas, limits)
        });
    }
    let Some(replacement) = Replacement::of(workload, number) else {
        return Ok(());
    };
    let strategy = workload.strategy().map_or_else(String::new, |it| it.kind);
    if strategy == "Recreate" {
        if !(number == 1 && volume::may_be_for_one_node(workload, neighbours)?) {
            report.add(Rule::RecreateServing, || recreate(service, number));
        }
    } else if replacement.stay == 0 {
        // A StatefulSet replaces a Pod by stopping it, so that one replica cannot stay;
        // `replicas-too-few` says so.
        if !(workload.kind() == Kind::StatefulSet && number == 1) {
            report.add(Rule::NoPodStays, || {
                no_pod_stays(workload, service, number, replacement)
            });
        }
    } else if i64::from(replacement.stay) * 100 < i64::from(number) * i64::from(limits.stay_percent)
    {
        report.add(Rule::FewPodsStay, || {
            few_stay(workload, number, replacement, limits)
        });
    }
    Ok(())
}

fn too_few(workload: &Workload, service: &str, replicas: &Replicas, limits: Limits) -> Problem {
    let pods = if replicas.fewest == 1 { "Pod" } else { "Pods" };
    let (found, hint) = match &replicas.set_by {
        SetBy::Autoscaler { kind, name } => (
            format!(
                "{} as the minimum of {} `{name}`",
                replicas.fewest,
                kind.as_str()
            ),
            format!("Raise the minimum of {} `{name}`.", kind.as_str()),
        ),
        SetBy::Manifest => (
            format!("replicas {}", replicas.fewest),
            "Raise spec.replicas.".to_owned(),
        ),
        SetBy::Unseen => (
            format!(
                "replicas {}, and no autoscaler that is known here",
                replicas.fewest
            ),
            "Raise spec.replicas, or give the manifest of the autoscaler beside the others."
                .to_owned(),
        ),
    };
    let more = match workload.kind() {
        Kind::StatefulSet => "each rollout, each drained node and each crash",
        _ => "each drained node and each crash",
    };
    Problem {
        path: "/spec/replicas".to_owned(),
        message: format!(
            "The Service `{service}` sends traffic to {} {pods}: {more} takes it down or halves it.",
            replicas.fewest
        ),
        found,
        expected: format!("{} or more", limits.min_replicas),
        hint,
    }
}

fn recreate(service: &str, number: i32) -> Problem {
    let pods = if number == 1 {
        "its only Pod"
    } else {
        "all its Pods"
    };
    Problem {
        path: "/spec/strategy/type".to_owned(),
        message: format!(
            "Recreate stops {pods} before a new one starts: the Service `{service}` has nobody to \
             answer from then until a new Pod is ready, at each rollout."
        ),
        found: "Recreate".to_owned(),
        expected: "RollingUpdate".to_owned(),
        hint: "Use RollingUpdate, if two versions may run at once. Recreate is right for one Pod \
               with a ReadWriteOnce volume."
            .to_owned(),
    }
}

fn no_pod_stays(
    workload: &Workload,
    service: &str,
    number: i32,
    replacement: Replacement,
) -> Problem {
    let what = match workload.kind() {
        Kind::DaemonSet => "the Pods of all nodes".to_owned(),
        _ if number == 1 => "its only Pod".to_owned(),
        _ => format!("all {number} Pods"),
    };
    Problem {
        path: numbers_path(workload),
        message: format!(
            "The rollout may stop {what} at once: the Service `{service}` has nobody to answer \
             until new ones are ready."
        ),
        found: numbers(workload, number, replacement),
        expected: "at least one Pod that stays".to_owned(),
        hint: "Set maxUnavailable to 0 and maxSurge to 1 or more.".to_owned(),
    }
}

fn few_stay(workload: &Workload, number: i32, replacement: Replacement, limits: Limits) -> Problem {
    Problem {
        path: numbers_path(workload),
        message: format!(
            "Only {} of {number} Pods stay during the rollout, and they get the traffic of all.",
            replacement.stay
        ),
        found: numbers(workload, number, replacement),
        expected: format!("{} % of the Pods that stay", limits.stay_percent),
        hint: "Lower maxUnavailable, and give maxSurge room instead.".to_owned(),
    }
}

/// Writes the numbers after rounding, which nobody sees in the manifest.
fn numbers(workload: &Workload, number: i32, replacement: Replacement) -> String {
    let of = match workload.kind() {
        Kind::DaemonSet => "nodes",
        _ => "replicas",
    };
    format!(
        "of {number} {of} {} missing and {} added",
        replacement.unavailable, replacement.surge
    )
}

fn numbers_path(workload: &Workload) -> String {
    match workload.kind() {
        Kind::Deployment => "/spec/strategy/rollingUpdate/maxUnavailable",
        Kind::Rollout => "/spec/strategy/canary/maxUnavailable",
        _ => "/spec/updateStrategy/rollingUpdate/maxUnavailable",
    }
    .to_owned()
}

/// Finds a strategy with which a new template starts no Pod.
pub(crate) fn rolls_nothing(workload: &Workload, report: &mut Report<'_, Rule>) {
    let Some(strategy) = workload.strategy() else {
        return;
    };
    let replicas = workload.replicas().unwrap_or(i32::MAX);
    let (path, why, found) = match strategy.partition {
        _ if strategy.kind == "OnDelete" => (
            "/spec/updateStrategy/type",
            "somebody deletes an old one",
            "OnDelete".to_owned(),
        ),
        Some(partition) if partition > 0 && partition >= replicas => (
            "/spec/updateStrategy/rollingUpdate/partition",
            "the partition is lowered",
            format!("partition {partition}, replicas {replicas}"),
        ),
        _ => return,
    };
    report.add(Rule::RollsNothing, || Problem {
        path: path.to_owned(),
        message: format!("This rollout starts no new Pod until {why}."),
        found,
        expected: "a strategy that replaces Pods, unless that is meant".to_owned(),
        hint: "Check that somebody goes on with it: until then, a Pod that restarts may or may \
               not be a new one."
            .to_owned(),
    });
}
