//! When the rollout of the running version began.

use super::object::{Container, Metadata, containers};
use super::{Image, WorkloadKind, WorkloadStatus, found};
use crate::cluster::ClusterError;
use crate::fields::{self, Fields, value_of};
use jiff::Timestamp;

/// When the rollout of a workload's present template began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Started {
    /// It began at this instant.
    At(Timestamp),
    /// The template is one that was rolled back to: it has run before.
    ByRollback,
    /// The objects do not tell.
    Unknown,
}

/// A revision that a Deployment ran before its present one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EarlierRun {
    /// When it was rolled out first.
    pub created: Timestamp,
    /// When the next revision was created; `None` where there is none.
    pub replaced: Option<Timestamp>,
}

struct Revision {
    metadata: Metadata,
    containers: Vec<Container>,
}

impl Revision {
    fn of(object: Fields<'_>) -> Self {
        Self {
            metadata: Metadata::of(object),
            containers: containers(object.at("spec").at("template").at("spec")),
        }
    }
}

const NUMBER: &str = "deployment.kubernetes.io/revision";
const EARLIER_NUMBERS: &str = "deployment.kubernetes.io/revision-history";

/// Reads when the rollout of the present template began: of a Deployment from its ReplicaSets, of a
/// StatefulSet from its ControllerRevision. Of other kinds it is unknown.
///
/// # Errors
/// The read failed.
pub fn rollout_started(workload: &WorkloadStatus) -> Result<Started, ClusterError> {
    match workload.kind() {
        WorkloadKind::Deployment => of_deployment(workload),
        WorkloadKind::StatefulSet => of_stateful_set(workload),
        WorkloadKind::DaemonSet | WorkloadKind::Rollout => Ok(Started::Unknown),
    }
}

/// Reads the last revision of a Deployment that had this image, if it is not the present one. How
/// long its Pods were available is recorded nowhere. Of other kinds there is none.
///
/// # Errors
/// The read failed.
pub fn earlier_run(
    workload: &WorkloadStatus,
    image: &Image,
) -> Result<Option<EarlierRun>, ClusterError> {
    if workload.kind() != WorkloadKind::Deployment {
        return Ok(None);
    }
    let mut sets = replica_sets(workload)?;
    sets.sort_by_key(|set| set.metadata.created);
    let has_image = |set: &Revision| {
        let mut containers = set.containers.iter();
        containers.any(|container| Image::parse(&container.image).is_same(image))
    };
    let Some(last) = sets.iter().rposition(has_image) else {
        return Ok(None);
    };
    let created = |set: &Revision| set.metadata.created;
    Ok(created(&sets[last]).map(|at| EarlierRun {
        created: at,
        replaced: sets.get(last + 1).and_then(created),
    }))
}

/// Lists the ReplicaSets that a Deployment controls.
fn replica_sets(workload: &WorkloadStatus) -> Result<Vec<Revision>, ClusterError> {
    let Some(selector) = workload.selector() else {
        return Ok(Vec::new());
    };
    let namespace = workload.namespace();
    let mut sets = fields::list_fresh("apps/v1", "ReplicaSet", namespace, selector, Revision::of)?;
    let uid = &workload.object.metadata.uid;
    sets.retain(|set| {
        let owner = set.metadata.controller.as_ref();
        owner.is_some_and(|owner| owner.uid == *uid)
    });
    Ok(sets)
}

fn of_deployment(workload: &WorkloadStatus) -> Result<Started, ClusterError> {
    let Some(number) = workload.annotation(NUMBER) else {
        return Ok(Started::Unknown);
    };
    let sets = replica_sets(workload)?;
    let mut present = sets
        .iter()
        .map(|set| &set.metadata)
        .filter(|set| value_of(&set.annotations, NUMBER) == Some(number));
    Ok(match present.next() {
        Some(set) if value_of(&set.annotations, EARLIER_NUMBERS).is_some() => Started::ByRollback,
        Some(set) => set.created.map_or(Started::Unknown, Started::At),
        None => Started::Unknown,
    })
}

fn of_stateful_set(workload: &WorkloadStatus) -> Result<Started, ClusterError> {
    let name = &workload.object.status.update_revision;
    let (kind, namespace) = ("ControllerRevision", workload.namespace());
    let revision = fields::get_fresh("apps/v1", kind, namespace, name, Revision::of);
    let created = found(revision)?.and_then(|revision| revision.metadata.created);
    Ok(created.map_or(Started::Unknown, Started::At))
}
