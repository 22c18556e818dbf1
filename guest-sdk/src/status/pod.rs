//! A Pod: whether it is ready, to whom it belongs, and what it runs.

use super::object::{Condition, Containers, Metadata, true_condition};
use super::{Image, WorkloadKind};
use jiff::Timestamp;
use serde::Deserialize;

/// A Pod of the cluster.
#[derive(Clone, Debug, Deserialize)]
pub struct Pod {
    metadata: Metadata,
    #[serde(default)]
    spec: Containers,
    #[serde(default)]
    status: Status,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    phase: String,
    conditions: Vec<Condition>,
    container_statuses: Vec<ContainerStatus>,
    init_container_statuses: Vec<ContainerStatus>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct ContainerStatus {
    name: String,
    #[serde(rename = "imageID")]
    image_id: String,
    state: State,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct State {
    waiting: Option<Waiting>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Waiting {
    reason: String,
}

/// The reasons for which a container waits whose image cannot be had.
const NO_IMAGE: [&str; 5] = [
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "RegistryUnavailable",
];

impl Pod {
    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.metadata.name
    }

    /// Whether it runs or is to run: it has not ended, and is not being deleted.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.metadata.deletion_timestamp.is_none()
            && !["Succeeded", "Failed"].contains(&self.status.phase.as_str())
    }

    /// Returns since when it is ready; `None` where it is not, or does not say since when.
    #[must_use]
    pub fn ready_since(&self) -> Option<Timestamp> {
        true_condition(&self.status.conditions, "Ready")?.last_transition_time
    }

    /// Returns kind and name of the controller that owns it, such as a ReplicaSet.
    #[must_use]
    pub fn controller(&self) -> Option<(&str, &str)> {
        let owner = self.metadata.controller()?;
        Some((&owner.kind, &owner.name))
    }

    /// Returns kind and name of the workload that it belongs to. A ReplicaSet of a Deployment or
    /// Rollout has the workload's name, `-`, and the hash that the Pod has as a label.
    #[must_use]
    pub fn workload(&self) -> Option<(WorkloadKind, &str)> {
        let (kind, name) = self.controller()?;
        if kind != "ReplicaSet" {
            return Some((WorkloadKind::named(kind)?, name));
        }
        let of = |label: &str| {
            let hash = self.metadata.labels.get(label)?;
            name.strip_suffix(hash.as_str())?.strip_suffix('-')
        };
        let deployment = of("pod-template-hash").map(|name| (WorkloadKind::Deployment, name));
        deployment.or_else(|| of("rollouts-pod-template-hash").map(|n| (WorkloadKind::Rollout, n)))
    }

    /// Whether a container of it runs this image: by the reference in its spec, or by the digest
    /// that its node pulled.
    #[must_use]
    pub fn runs(&self, image: &Image) -> bool {
        self.spec
            .all()
            .any(|container| Image::parse(&container.image).is_same(image))
            || self.statuses().any(|status| {
                // A digest of its own, or `NAME@DIGEST`, perhaps after `docker-pullable://`.
                let pulled = status.image_id.rsplit('@').next().unwrap_or_default();
                !pulled.is_empty() && Some(pulled) == image.digest()
            })
    }

    /// Returns the image of the container with this name, as its spec has it.
    #[must_use]
    pub fn image_of(&self, container: &str) -> Option<&str> {
        let found = self.spec.all().find(|other| other.name == container)?;
        Some(&found.image)
    }

    /// Returns the ID of the image that the container with this name runs; `None` where its node
    /// has not reported one.
    #[must_use]
    pub fn image_id_of(&self, container: &str) -> Option<&str> {
        let status = self.statuses().find(|status| status.name == container)?;
        Some(status.image_id.as_str()).filter(|id| !id.is_empty())
    }

    /// Returns the IDs of the images of the containers whose spec has this image.
    pub fn ids_of<'a>(&'a self, image: &'a Image) -> impl Iterator<Item = &'a str> {
        self.spec
            .all()
            .filter(move |container| Image::parse(&container.image).is_same(image))
            .filter_map(move |container| self.image_id_of(&container.name))
    }

    /// Returns an image that its node cannot pull.
    #[must_use]
    pub fn image_not_pulled(&self) -> Option<&str> {
        let waits = |status: &&ContainerStatus| {
            let waiting = status.state.waiting.as_ref();
            waiting.is_some_and(|waiting| NO_IMAGE.contains(&waiting.reason.as_str()))
        };
        self.image_of(&self.statuses().find(waits)?.name)
    }

    fn statuses(&self) -> impl Iterator<Item = &ContainerStatus> {
        let init = &self.status.init_container_statuses;
        self.status.container_statuses.iter().chain(init)
    }
}
