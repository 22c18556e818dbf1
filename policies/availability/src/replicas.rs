//! Replicas that a manifest sets beside an autoscaler.

use rollgate_sdk::Workload;
use rollgate_sdk::neighbours::Neighbours;
use rollgate_sdk::rules::{Problem, Report};
use rollgate_sdk::scale::{Replicas, SetBy};

use crate::rules::Rule;

/// Finds a manifest that would stop Pods which an autoscaler has started.
pub(crate) fn check(
    workload: &Workload,
    replicas: &Replicas,
    neighbours: &Neighbours,
    report: &mut Report<'_, Rule>,
) {
    let SetBy::Autoscaler { kind, name } = &replicas.set_by else {
        return;
    };
    let (Some(live), Some(written)) = (neighbours.live_replicas(), workload.replicas()) else {
        return;
    };
    if written >= live {
        return;
    }
    report.add(Rule::ReplicasCut, || Problem {
        path: "/spec/replicas".to_owned(),
        message: format!(
            "{live} replicas run because {} `{name}` wants them, and this manifest sets {written}: \
             {} Pods stop at once, under the load that started them.",
            kind.as_str(),
            live - written
        ),
        found: format!("replicas {written}, {live} before"),
        expected: "no replicas in the manifest".to_owned(),
        hint: "Remove spec.replicas from the manifest: the autoscaler sets it.".to_owned(),
    });
}
