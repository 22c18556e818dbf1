//! Workloads and Pods of the cluster, as policies need them that wait for other rollouts: whether a
//! workload is rolling, since when it is available, and which images its Pods run.
//!
//! All reads are fresh, and need grants: one for each kind, and one for Pods.

mod image;
mod object;
mod pod;
mod progress;
mod revision;
mod selector;
mod soak;
mod workload;

#[cfg(test)]
mod tests;

use crate::cluster::{ClusterError, ClusterErrorCode};
use crate::fields;
use workload::Object;

pub use image::Image;
pub use pod::Pod;
pub use progress::Progress;
pub use revision::{EarlierRun, Started, earlier_run, rollout_started};
pub use selector::equality_selector;
pub use soak::{NotYet, TakenImage, available_with, taken_images};
pub use workload::{WorkloadKind, WorkloadStatus};

/// Reads a workload; `None` where there is none of this name.
///
/// # Errors
/// The read failed.
pub fn workload(
    kind: WorkloadKind,
    namespace: &str,
    name: &str,
) -> Result<Option<WorkloadStatus>, ClusterError> {
    let (api_version, of_kind) = (kind.api_version(), kind.as_str());
    let object = found(fields::get_fresh(
        api_version,
        of_kind,
        namespace,
        name,
        Object::of,
    ))?;
    Ok(object.map(|object| WorkloadStatus::new(kind, object)))
}

/// Lists the workloads of a kind. An empty `namespace` means all; `label_selector` is in kubectl's
/// syntax.
///
/// # Errors
/// The read failed.
pub fn workloads(
    kind: WorkloadKind,
    namespace: &str,
    label_selector: &str,
) -> Result<Vec<WorkloadStatus>, ClusterError> {
    let (api_version, of_kind) = (kind.api_version(), kind.as_str());
    let objects = fields::list_fresh(api_version, of_kind, namespace, label_selector, Object::of)?;
    Ok(objects
        .into_iter()
        .map(|object| WorkloadStatus::new(kind, object))
        .collect())
}

/// Lists the Pods that run or are to run: not those that have ended or are being deleted. An empty
/// `label_selector` selects all.
///
/// # Errors
/// The read failed.
pub fn live_pods(namespace: &str, label_selector: &str) -> Result<Vec<Pod>, ClusterError> {
    let mut pods = fields::list_fresh("v1", "Pod", namespace, label_selector, Pod::of)?;
    pods.retain(Pod::is_live);
    Ok(pods)
}

/// Lists the live Pods of a workload: those that its selector selects and its controller owns.
///
/// # Errors
/// The read failed.
pub fn pods_of(workload: &WorkloadStatus) -> Result<Vec<Pod>, ClusterError> {
    // Without a selector, a workload selects nothing; as a list, an empty selector means all.
    let Some(selector) = workload.selector() else {
        return Ok(Vec::new());
    };
    let mut pods = live_pods(workload.namespace(), selector)?;
    pods.retain(|pod| pod.workload() == Some((workload.kind(), workload.name())));
    Ok(pods)
}

/// Returns `None` in place of the error that there is no such object.
pub(crate) fn found<T>(read: Result<T, ClusterError>) -> Result<Option<T>, ClusterError> {
    match read {
        Ok(object) => Ok(Some(object)),
        Err(error) if error.code == ClusterErrorCode::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
