//! An object of a rollout.

use crate::pointer::{self, join};
use crate::sys::{RawWorkload, records};
use crate::{Container, Kind, Pod, Role, Strategy};
use serde::de::DeserializeOwned;
use std::cell::OnceCell;

/// A Deployment, StatefulSet, DaemonSet, Argo Rollout or Service, with the API server's defaults
/// filled in.
///
/// A Service has no Pod template: it has no [`containers`](Workload::containers) and no
/// [`pod`](Workload::pod).
pub struct Workload {
    pub(crate) raw: RawWorkload,
    containers: OnceCell<Vec<records::Container>>,
}

impl Workload {
    pub(crate) const fn from_raw(raw: RawWorkload) -> Self {
        Self {
            raw,
            containers: OnceCell::new(),
        }
    }

    /// Returns the kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        Kind::from(&*self.raw.kind())
    }

    /// Returns the API version, such as `apps/v1`.
    #[must_use]
    pub fn api_version(&self) -> String {
        self.raw.api_version()
    }

    /// Returns `metadata.name`, or `generateName` where the API server is to choose the name.
    #[must_use]
    pub fn name(&self) -> String {
        self.raw.name()
    }

    /// Returns the namespace of the object or the request; empty where neither has one.
    #[must_use]
    pub fn namespace(&self) -> String {
        self.raw.namespace()
    }

    /// Returns `metadata.labels`, sorted by key.
    #[must_use]
    pub fn labels(&self) -> Vec<(String, String)> {
        self.raw.labels()
    }

    /// Returns the value of one label of the object.
    #[must_use]
    pub fn label(&self, key: &str) -> Option<String> {
        value_of(self.raw.labels(), key)
    }

    /// Returns `metadata.annotations`, sorted by key.
    #[must_use]
    pub fn annotations(&self) -> Vec<(String, String)> {
        self.raw.annotations()
    }

    /// Returns the value of one annotation of the object.
    #[must_use]
    pub fn annotation(&self, key: &str) -> Option<String> {
        value_of(self.raw.annotations(), key)
    }

    /// Returns the Pod template's labels, sorted by key.
    #[must_use]
    pub fn pod_labels(&self) -> Vec<(String, String)> {
        self.raw.pod_labels()
    }

    /// Returns the Pod template's annotations, sorted by key.
    #[must_use]
    pub fn pod_annotations(&self) -> Vec<(String, String)> {
        self.raw.pod_annotations()
    }

    /// Returns `spec.selector` as equality pairs (`matchLabels`, or a Service's selector), sorted
    /// by key.
    #[must_use]
    pub fn selector(&self) -> Vec<(String, String)> {
        self.raw.selector()
    }

    /// Returns `spec.replicas`; `None` for kinds that have none.
    #[must_use]
    pub fn replicas(&self) -> Option<i32> {
        self.raw.replicas()
    }

    /// Returns how Pods are replaced; `None` for a Service.
    #[must_use]
    pub fn strategy(&self) -> Option<Strategy> {
        self.raw.strategy()
    }

    /// Returns `spec.minReadySeconds`; 0 where the kind or the object has none.
    #[must_use]
    pub fn min_ready_seconds(&self) -> i32 {
        self.raw.min_ready_seconds()
    }

    /// Returns `spec.progressDeadlineSeconds`; `None` for kinds that have none.
    #[must_use]
    pub fn progress_deadline_seconds(&self) -> Option<i32> {
        self.raw.progress_deadline_seconds()
    }

    /// Returns `spec.paused`.
    #[must_use]
    pub fn paused(&self) -> bool {
        self.raw.paused()
    }

    /// Returns the Pod-level fields of the template; `None` for a Service.
    #[must_use]
    pub fn pod(&self) -> Option<Pod> {
        self.raw.pod()
    }

    /// Returns all containers: `spec.template.spec.containers`, followed by `initContainers`.
    /// Fetched once.
    pub fn containers(&self) -> impl ExactSizeIterator<Item = Container<'_>> {
        self.records()
            .iter()
            .map(|record| Container::new(record, self))
    }

    /// Returns the containers that run as long as the Pod does: main ones and sidecars.
    pub fn long_running(&self) -> impl Iterator<Item = Container<'_>> {
        self.containers()
            .filter(|c| matches!(c.role(), Role::Main | Role::Sidecar))
    }

    /// Returns the container with this name.
    #[must_use]
    pub fn container(&self, name: &str) -> Option<Container<'_>> {
        self.containers().find(|c| c.name == name)
    }

    /// Returns the JSON text at an RFC 6901 pointer into the object; the empty pointer is the whole
    /// object. `None` where there is no value.
    #[must_use]
    pub fn json(&self, pointer: &str) -> Option<String> {
        self.raw.json(pointer)
    }

    /// Deserializes the value at an RFC 6901 pointer, for fields that have no method of their own.
    /// `None` where there is no value.
    ///
    /// # Errors
    /// The value does not deserialize as `T`.
    pub fn read<T: DeserializeOwned>(&self, pointer: &str) -> Result<Option<T>, serde_json::Error> {
        self.raw
            .json(pointer)
            .map(|text| serde_json::from_str(&text))
            .transpose()
    }

    /// Returns the JSON pointer of a label of the object.
    #[must_use]
    pub fn label_path(&self, key: &str) -> String {
        keyed("/metadata/labels", key)
    }

    /// Returns the JSON pointer of an annotation of the object.
    #[must_use]
    pub fn annotation_path(&self, key: &str) -> String {
        keyed("/metadata/annotations", key)
    }

    /// Returns the JSON pointer of a field of the Pod template's spec, such as `hostNetwork`.
    #[must_use]
    pub fn pod_path(&self, relative: &str) -> String {
        join("/spec/template/spec", relative)
    }

    pub(crate) fn records(&self) -> &[records::Container] {
        self.containers.get_or_init(|| self.raw.containers())
    }
}

fn value_of(pairs: Vec<(String, String)>, key: &str) -> Option<String> {
    pairs
        .into_iter()
        .find(|(k, _)| k == key)
        .map(|(_, value)| value)
}

fn keyed(base: &str, key: &str) -> String {
    let mut path = base.to_owned();
    pointer::push(&mut path, key);
    path
}
