//! A workload of the cluster with its status.

use super::object::{
    Condition, Container, Metadata, conditions, containers, generation, true_condition,
};
use super::{Image, Pod, Progress, progress, selector};
use crate::fields::{Fields, value_of};
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The kinds of workloads that have a rollout status. Can be part of settings.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[schemars(description = "A kind of workload.")]
pub enum WorkloadKind {
    /// `apps/v1` Deployment.
    Deployment,
    /// `apps/v1` StatefulSet.
    StatefulSet,
    /// `apps/v1` DaemonSet.
    DaemonSet,
    /// `argoproj.io/v1alpha1` Rollout.
    Rollout,
}

impl WorkloadKind {
    /// All kinds.
    pub const ALL: [Self; 4] = [
        Self::Deployment,
        Self::StatefulSet,
        Self::DaemonSet,
        Self::Rollout,
    ];

    /// Returns the API version.
    #[must_use]
    pub const fn api_version(self) -> &'static str {
        match self {
            Self::Rollout => "argoproj.io/v1alpha1",
            _ => "apps/v1",
        }
    }

    /// Returns the kind's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
            Self::Rollout => "Rollout",
        }
    }

    /// Returns the kind of an object of a rollout; `None` where it has no Pod template.
    #[must_use]
    pub fn of(kind: &crate::Kind) -> Option<Self> {
        Self::named(kind.as_str())
    }

    /// Returns the kind with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// A workload as the cluster has it, with its status.
#[derive(Clone, Debug)]
pub struct WorkloadStatus {
    kind: WorkloadKind,
    pub(super) object: Object,
}

/// The fields of a workload of any kind.
#[derive(Clone, Debug)]
pub(super) struct Object {
    pub(super) metadata: Metadata,
    pub(super) spec: Spec,
    pub(super) status: Status,
}

#[derive(Clone, Debug)]
pub(super) struct Spec {
    pub(super) replicas: i64,
    pub(super) is_paused: bool,
    pub(super) min_ready_seconds: i64,
    /// In kubectl's syntax.
    pub(super) selector: Option<String>,
    pub(super) pod_labels: Vec<(String, String)>,
    pub(super) containers: Vec<Container>,
    /// The type of `strategy` or `updateStrategy`.
    pub(super) strategy: String,
    pub(super) partition: i64,
}

#[derive(Clone, Debug)]
pub(super) struct Status {
    pub(super) observed_generation: i64,
    /// The number of Pods that exist.
    pub(super) existing: i64,
    /// The number that there should be, where the status has it.
    pub(super) desired: i64,
    pub(super) updated: i64,
    pub(super) available: i64,
    pub(super) current_revision: String,
    pub(super) update_revision: String,
    pub(super) phase: String,
    pub(super) message: String,
    pub(super) conditions: Vec<Condition>,
}

impl Object {
    /// Reads a workload.
    pub(super) fn of(object: Fields<'_>) -> Self {
        Self {
            metadata: Metadata::of(object),
            spec: Spec::of(object.at("spec")),
            status: Status::of(object),
        }
    }
}

impl Spec {
    fn of(spec: Fields<'_>) -> Self {
        let template = spec.at("template");
        let number = |key| spec.at(key).number();
        // A Deployment has the one, a StatefulSet and a DaemonSet have the other.
        let update = spec.at("updateStrategy");
        let strategy = [spec.at("strategy"), update].map(|strategy| strategy.at("type").text());
        Self {
            replicas: number("replicas").unwrap_or(1),
            is_paused: spec.at("paused").is_true(),
            min_ready_seconds: number("minReadySeconds").unwrap_or_default(),
            selector: selector::text(spec.at("selector")),
            pod_labels: template.at("metadata").at("labels").pairs(),
            containers: containers(template.at("spec")),
            strategy: strategy.concat(),
            partition: update
                .at("rollingUpdate")
                .at("partition")
                .number()
                .unwrap_or_default(),
        }
    }
}

impl Status {
    fn of(object: Fields<'_>) -> Self {
        let status = object.at("status");
        let number = |key| status.at(key).number().unwrap_or_default();
        let text = |key| status.at(key).text().to_owned();
        // A DaemonSet has names of its own; of two fields, an object has one.
        Self {
            observed_generation: generation(status.at("observedGeneration")),
            existing: number("replicas"),
            desired: number("desiredNumberScheduled"),
            updated: number("updatedReplicas") + number("updatedNumberScheduled"),
            available: number("availableReplicas") + number("numberAvailable"),
            current_revision: text("currentRevision"),
            update_revision: text("updateRevision"),
            phase: text("phase"),
            message: text("message"),
            conditions: conditions(object),
        }
    }
}

impl WorkloadStatus {
    pub(super) const fn new(kind: WorkloadKind, object: Object) -> Self {
        Self { kind, object }
    }

    /// Returns the kind.
    #[must_use]
    pub const fn kind(&self) -> WorkloadKind {
        self.kind
    }

    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.object.metadata.name
    }

    /// Returns the namespace.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.object.metadata.namespace
    }

    /// Returns the value of a label of the object.
    #[must_use]
    pub fn label(&self, key: &str) -> Option<&str> {
        value_of(&self.object.metadata.labels, key)
    }

    /// Returns the value of an annotation of the object.
    #[must_use]
    pub fn annotation(&self, key: &str) -> Option<&str> {
        value_of(&self.object.metadata.annotations, key)
    }

    /// Returns the value of a label of the Pod template.
    #[must_use]
    pub fn pod_label(&self, key: &str) -> Option<&str> {
        value_of(&self.object.spec.pod_labels, key)
    }

    /// Returns the labels of the Pod template, sorted by key.
    pub fn pod_labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.object
            .spec
            .pod_labels
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Whether a container of the Pod template has this image.
    #[must_use]
    pub fn has_image(&self, image: &Image) -> bool {
        let mut containers = self.object.spec.containers.iter();
        containers.any(|container| Image::parse(&container.image).is_same(image))
    }

    /// Returns the image of the template's container with this name.
    #[must_use]
    pub fn image_of(&self, container: &str) -> Option<&str> {
        let mut containers = self.object.spec.containers.iter();
        let found = containers.find(|other| other.name == container)?;
        Some(&found.image)
    }

    /// Returns `spec.selector` in kubectl's syntax; `None` where there is none.
    #[must_use]
    pub fn selector(&self) -> Option<&str> {
        self.object.spec.selector.as_deref()
    }

    /// Returns the number of Pods that there should be.
    #[must_use]
    pub fn replicas(&self) -> i64 {
        match self.kind {
            WorkloadKind::DaemonSet => self.object.status.desired,
            _ => self.object.spec.replicas,
        }
    }

    /// Returns the number of available Pods: ready for `minReadySeconds`.
    #[must_use]
    pub const fn available(&self) -> i64 {
        self.object.status.available
    }

    /// Returns how far the rollout of the present template is.
    #[must_use]
    pub fn progress(&self) -> Progress {
        progress::of(self)
    }

    /// Returns since when the present template is available, if the rollout is complete.
    ///
    /// Of a Deployment its conditions say so, which a single Pod that is replaced does not change.
    /// Of other kinds it is the time at which the last of `pods` became ready: for them, a Pod that
    /// is replaced starts anew.
    #[must_use]
    pub fn available_since(&self, pods: &[Pod]) -> Option<Timestamp> {
        if self.progress() != Progress::Complete {
            return None;
        }
        self.completed_by_conditions()
            .or_else(|| self.last_available(pods))
    }

    /// Returns since when each of the Pods is available; `None` where there are none, or one is not
    /// ready.
    #[must_use]
    pub fn last_available(&self, pods: &[Pod]) -> Option<Timestamp> {
        let ready: Option<Vec<Timestamp>> = pods.iter().map(Pod::ready_since).collect();
        let last = ready?.into_iter().max()?;
        let min_ready = SignedDuration::from_secs(self.object.spec.min_ready_seconds);
        last.checked_add(min_ready).ok()
    }

    /// Returns when a Deployment's conditions became those of a complete rollout. The reason of the
    /// condition `Progressing` changes at the end of each rollout, and never without one.
    fn completed_by_conditions(&self) -> Option<Timestamp> {
        if self.kind != WorkloadKind::Deployment {
            return None;
        }
        let conditions = &self.object.status.conditions;
        let complete = true_condition(conditions, "Progressing")
            .filter(|condition| condition.reason == progress::COMPLETE)?
            .last_update?;
        let available = true_condition(conditions, "Available")?.last_transition?;
        Some(complete.max(available))
    }
}

impl fmt::Display for WorkloadStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, namespace, name) = (self.kind.as_str(), self.namespace(), self.name());
        write!(f, "{kind} {namespace}/{name}")
    }
}
