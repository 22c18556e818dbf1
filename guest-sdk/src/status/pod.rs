//! A Pod: whether it is ready, to whom it belongs, and what it runs.

use super::object::{Condition, Container, Metadata, conditions, containers, true_condition};
use super::{Image, WorkloadKind};
use crate::fields::{Fields, value_of};
use jiff::Timestamp;

/// A Pod of the cluster.
#[derive(Clone, Debug)]
pub struct Pod {
    metadata: Metadata,
    containers: Vec<Container>,
    has_ended: bool,
    conditions: Vec<Condition>,
    statuses: Vec<ContainerStatus>,
}

#[derive(Clone, Debug)]
struct ContainerStatus {
    name: String,
    image_id: String,
    /// Why it waits; empty where it does not.
    waiting: String,
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
    /// Reads a Pod.
    pub(super) fn of(object: Fields<'_>) -> Self {
        let status = object.at("status");
        let mut statuses = Vec::new();
        for list in ["containerStatuses", "initContainerStatuses"] {
            for container in status.at(list).items() {
                let waiting = container.at("state").at("waiting").at("reason");
                statuses.push(ContainerStatus {
                    name: container.at("name").text().to_owned(),
                    image_id: container.at("imageID").text().to_owned(),
                    waiting: waiting.text().to_owned(),
                });
            }
        }
        Self {
            metadata: Metadata::of(object),
            containers: containers(object.at("spec")),
            has_ended: ["Succeeded", "Failed"].contains(&status.at("phase").text()),
            conditions: conditions(object),
            statuses,
        }
    }

    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.metadata.name
    }

    /// Whether it runs or is to run: it has not ended, and is not being deleted.
    #[must_use]
    pub fn is_live(&self) -> bool {
        !self.metadata.is_being_deleted && !self.has_ended
    }

    /// Returns since when it is ready; `None` where it is not, or does not say since when.
    #[must_use]
    pub fn ready_since(&self) -> Option<Timestamp> {
        true_condition(&self.conditions, "Ready")?.last_transition
    }

    /// Returns kind and name of the controller that owns it, such as a ReplicaSet.
    #[must_use]
    pub fn controller(&self) -> Option<(&str, &str)> {
        let owner = self.metadata.controller.as_ref()?;
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
            let hash = value_of(&self.metadata.labels, label)?;
            name.strip_suffix(hash)?.strip_suffix('-')
        };
        let deployment = of("pod-template-hash").map(|name| (WorkloadKind::Deployment, name));
        deployment.or_else(|| of("rollouts-pod-template-hash").map(|n| (WorkloadKind::Rollout, n)))
    }

    /// Whether a container of it runs this image: by the reference in its spec, or by the digest
    /// that its node pulled.
    #[must_use]
    pub fn runs(&self, image: &Image) -> bool {
        self.containers
            .iter()
            .any(|container| Image::parse(&container.image).is_same(image))
            || self.statuses.iter().any(|status| {
                // A digest of its own, or `NAME@DIGEST`, perhaps after `docker-pullable://`.
                let pulled = status.image_id.rsplit('@').next().unwrap_or_default();
                !pulled.is_empty() && Some(pulled) == image.digest()
            })
    }

    /// Returns the image of the container with this name, as its spec has it.
    #[must_use]
    pub fn image_of(&self, container: &str) -> Option<&str> {
        let mut containers = self.containers.iter();
        let found = containers.find(|other| other.name == container)?;
        Some(&found.image)
    }

    /// Returns the ID of the image that the container with this name runs; `None` where its node
    /// has not reported one.
    #[must_use]
    pub fn image_id_of(&self, container: &str) -> Option<&str> {
        let mut statuses = self.statuses.iter();
        let status = statuses.find(|status| status.name == container)?;
        Some(status.image_id.as_str()).filter(|id| !id.is_empty())
    }

    /// Returns the IDs of the images of the containers whose spec has this image.
    pub fn ids_of<'a>(&'a self, image: &'a Image) -> impl Iterator<Item = &'a str> {
        self.containers
            .iter()
            .filter(move |container| Image::parse(&container.image).is_same(image))
            .filter_map(move |container| self.image_id_of(&container.name))
    }

    /// Returns an image that its node cannot pull.
    #[must_use]
    pub fn image_not_pulled(&self) -> Option<&str> {
        let mut statuses = self.statuses.iter();
        let waits = statuses.find(|status| NO_IMAGE.contains(&status.waiting.as_str()))?;
        self.image_of(&waits.name)
    }
}
