//! One side of a rollout.

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

    /// The kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        Kind::from(&*self.raw.kind())
    }

    /// For example `apps/v1`.
    #[must_use]
    pub fn api_version(&self) -> String {
        self.raw.api_version()
    }

    /// `metadata.name`; for an object that is still to be named, its `generateName`.
    #[must_use]
    pub fn name(&self) -> String {
        self.raw.name()
    }

    /// The namespace of the request or the object; empty where a manifest names none.
    #[must_use]
    pub fn namespace(&self) -> String {
        self.raw.namespace()
    }

    /// `metadata.labels`, sorted by key.
    #[must_use]
    pub fn labels(&self) -> Vec<(String, String)> {
        self.raw.labels()
    }

    /// The value of one label of the object.
    #[must_use]
    pub fn label(&self, key: &str) -> Option<String> {
        value_of(self.raw.labels(), key)
    }

    /// `metadata.annotations`, sorted by key.
    #[must_use]
    pub fn annotations(&self) -> Vec<(String, String)> {
        self.raw.annotations()
    }

    /// The value of one annotation of the object.
    #[must_use]
    pub fn annotation(&self, key: &str) -> Option<String> {
        value_of(self.raw.annotations(), key)
    }

    /// The Pod template's labels, sorted by key.
    #[must_use]
    pub fn pod_labels(&self) -> Vec<(String, String)> {
        self.raw.pod_labels()
    }

    /// The Pod template's annotations, sorted by key.
    #[must_use]
    pub fn pod_annotations(&self) -> Vec<(String, String)> {
        self.raw.pod_annotations()
    }

    /// `spec.selector` as equality pairs (`matchLabels`, or a Service's selector), sorted by key.
    #[must_use]
    pub fn selector(&self) -> Vec<(String, String)> {
        self.raw.selector()
    }

    /// `spec.replicas`; absent for kinds that have none.
    #[must_use]
    pub fn replicas(&self) -> Option<i32> {
        self.raw.replicas()
    }

    /// How Pods are replaced; absent for a Service.
    #[must_use]
    pub fn strategy(&self) -> Option<Strategy> {
        self.raw.strategy()
    }

    /// `spec.minReadySeconds`, in seconds; 0 where the kind or the object has none.
    #[must_use]
    pub fn min_ready_seconds(&self) -> i32 {
        self.raw.min_ready_seconds()
    }

    /// `spec.progressDeadlineSeconds`, in seconds; absent for kinds that have none.
    #[must_use]
    pub fn progress_deadline_seconds(&self) -> Option<i32> {
        self.raw.progress_deadline_seconds()
    }

    /// `spec.paused`.
    #[must_use]
    pub fn paused(&self) -> bool {
        self.raw.paused()
    }

    /// Pod-level fields of the template; absent for a Service.
    #[must_use]
    pub fn pod(&self) -> Option<Pod> {
        self.raw.pod()
    }

    /// All containers: `spec.template.spec.containers`, then `initContainers`. Fetched once.
    pub fn containers(&self) -> impl ExactSizeIterator<Item = Container<'_>> {
        self.records()
            .iter()
            .map(|record| Container::new(record, self))
    }

    /// The containers that run as long as the Pod does: main ones and sidecars.
    pub fn long_running(&self) -> impl Iterator<Item = Container<'_>> {
        self.containers()
            .filter(|c| matches!(c.role(), Role::Main | Role::Sidecar))
    }

    /// The container of this name.
    #[must_use]
    pub fn container(&self, name: &str) -> Option<Container<'_>> {
        self.containers().find(|c| c.name == name)
    }

    /// The JSON text at an RFC 6901 pointer into the object; the empty pointer is the whole of it.
    /// Absent where nothing stands there.
    #[must_use]
    pub fn json(&self, pointer: &str) -> Option<String> {
        self.raw.json(pointer)
    }

    /// What stands at an RFC 6901 pointer, read as a `T`. For what the typed methods do not show.
    ///
    /// # Errors
    /// What stands there is no `T`.
    pub fn read<T: DeserializeOwned>(&self, pointer: &str) -> Result<Option<T>, serde_json::Error> {
        self.raw
            .json(pointer)
            .map(|text| serde_json::from_str(&text))
            .transpose()
    }

    /// The JSON pointer of a label of the object.
    #[must_use]
    pub fn label_path(&self, key: &str) -> String {
        keyed("/metadata/labels", key)
    }

    /// The JSON pointer of an annotation of the object.
    #[must_use]
    pub fn annotation_path(&self, key: &str) -> String {
        keyed("/metadata/annotations", key)
    }

    /// The JSON pointer of something in the Pod template's spec, such as `hostNetwork`.
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
