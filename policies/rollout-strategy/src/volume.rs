//! Volumes that one node, or one Pod, may mount at a time.

use rollgate_sdk::neighbours::{Neighbours, Seen};
use rollgate_sdk::rules::{Problem, Report};
use rollgate_sdk::scale::{Replacement, Replicas};
use rollgate_sdk::{Failure, Kind, Workload};
use serde::Deserialize;

use crate::rules::Rule;

/// Finds a rollout of one Pod that starts the new Pod while the old one has the volume. (A
/// StatefulSet stops the old Pod first.)
pub(crate) fn check(
    workload: &Workload,
    neighbours: &Neighbours,
    report: &mut Report<'_, Rule>,
) -> Result<(), Failure> {
    if !matches!(workload.kind(), Kind::Deployment | Kind::Rollout) {
        return Ok(());
    }
    let Some((index, claim)) = claims(workload).into_iter().next() else {
        return Ok(());
    };
    let replicas = Replicas::of(workload, neighbours)?;
    let starts_first = replicas.is_some_and(|it| it.fewest == 1)
        && Replacement::of(workload, 1).is_some_and(|it| it.stay == 1);
    if starts_first && is_for_one_node(neighbours, &claim)? {
        report.add(Rule::VolumeBlocksSurge, || blocks(index, &claim));
    }
    Ok(())
}

fn blocks(index: usize, claim: &str) -> Problem {
    Problem {
        path: format!("/spec/template/spec/volumes/{index}/persistentVolumeClaim"),
        message: format!(
            "The new Pod starts while the old one has the volume `{claim}`. Where that may be \
             mounted by one node, a new Pod on another node waits for ever, and so does the rollout."
        ),
        found: "RollingUpdate of one Pod with a PersistentVolumeClaim".to_owned(),
        expected: "Recreate, or a volume for many nodes".to_owned(),
        hint: "Use `strategy: {type: Recreate}` for a ReadWriteOnce volume, or a StatefulSet."
            .to_owned(),
    }
}

/// Whether the workload has a volume that only one node may mount, or nobody knows.
pub(crate) fn may_be_for_one_node(
    workload: &Workload,
    neighbours: &Neighbours,
) -> Result<bool, Failure> {
    for (_, claim) in claims(workload) {
        if is_for_one_node(neighbours, &claim)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn is_for_one_node(neighbours: &Neighbours, claim: &str) -> Result<bool, Failure> {
    Ok(match neighbours.access_modes(claim)? {
        Seen::Yes(modes) => !modes.iter().any(|mode| mode.ends_with("Many")),
        Seen::No => true,
    })
}

#[derive(Deserialize)]
struct Volume {
    #[serde(rename = "persistentVolumeClaim")]
    claim: Option<Claim>,
}

#[derive(Deserialize)]
struct Claim {
    #[serde(rename = "claimName")]
    name: String,
}

/// Returns the claims among the template's volumes, with their positions.
fn claims(workload: &Workload) -> Vec<(usize, String)> {
    let volumes: Option<Vec<Volume>> = workload.read("/spec/template/spec/volumes").ok().flatten();
    let volumes = volumes.into_iter().flatten().enumerate();
    volumes
        .filter_map(|(index, volume)| Some((index, volume.claim?.name)))
        .collect()
}
