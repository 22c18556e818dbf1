//! One side of a rollout: an object with the API's defaults filled in, parsed once.

mod container;
mod detail;
mod node;
mod parts;

use serde_json::Value;

use crate::defaults;
use crate::kind::Kind;
use crate::records::{Container, EnvFrom, EnvVar, Pod, SecurityContext, Strategy, VolumeMount};
use crate::shape::ShapeError;
pub(crate) use node::{Node, push_token};

/// A Deployment, StatefulSet, DaemonSet, Argo Rollout or Service.
///
/// The records are parsed when the object arrives, so that no method can fail and every policy of
/// a review shares one object. A container's rarely read parts stay in the tree and become records
/// when asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Workload {
    kind: Kind,
    tree: Value,
    name: String,
    namespace: String,
    labels: Vec<(String, String)>,
    annotations: Vec<(String, String)>,
    pod_labels: Vec<(String, String)>,
    pod_annotations: Vec<(String, String)>,
    selector: Vec<(String, String)>,
    replicas: Option<i32>,
    strategy: Option<Strategy>,
    min_ready_seconds: i32,
    progress_deadline_seconds: Option<i32>,
    paused: bool,
    pod: Option<Pod>,
    containers: Vec<Container>,
}

impl Workload {
    /// Fills the API server's defaults into an object and reads it.
    ///
    /// `namespace_of_request` is that of an admission request, or the one that manifests go to; it
    /// is used where the object itself names none.
    ///
    /// # Errors
    /// When the object is no workload, or something in it has another shape than its API gives it.
    pub fn parse(mut tree: Value, namespace_of_request: Option<&str>) -> Result<Self, ShapeError> {
        let kind = kind(&Node::root(&tree))?;
        defaults::fill(kind, &mut tree);
        let mut workload = Self::read(kind, &Node::root(&tree), namespace_of_request)?;
        workload.tree = tree;
        Ok(workload)
    }

    /// Reads a `Scale`, the object of the subresource `/scale`, as the workload it scales: it has
    /// a name and replicas, but no template.
    ///
    /// # Errors
    /// When something in it has another shape than its API gives it.
    pub fn parse_scale(
        kind: Kind,
        tree: Value,
        namespace_of_request: Option<&str>,
    ) -> Result<Self, ShapeError> {
        let root = Node::root(&tree);
        let mut workload = Self::named(kind, &root, namespace_of_request)?;
        // `replicas` of a Scale is left out when it is 0 (autoscaling/v1 ScaleSpec).
        workload.replicas = Some(root.field("spec")?.field("replicas")?.i32()?.unwrap_or(0));
        workload.tree = tree;
        Ok(workload)
    }

    /// The kind.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// For example `apps/v1`.
    #[must_use]
    pub const fn api_version(&self) -> &'static str {
        self.kind.api_version()
    }

    /// `metadata.name`; for an object that is still to be named, its `generateName`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The namespace of the object or the request; empty where neither names one.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// `metadata.labels`, sorted by key.
    #[must_use]
    pub fn labels(&self) -> &[(String, String)] {
        &self.labels
    }

    /// `metadata.annotations`, sorted by key.
    #[must_use]
    pub fn annotations(&self) -> &[(String, String)] {
        &self.annotations
    }

    /// The Pod template's labels, sorted by key.
    #[must_use]
    pub fn pod_labels(&self) -> &[(String, String)] {
        &self.pod_labels
    }

    /// The Pod template's annotations, sorted by key.
    #[must_use]
    pub fn pod_annotations(&self) -> &[(String, String)] {
        &self.pod_annotations
    }

    /// `spec.selector` as equality pairs (`matchLabels`, or a Service's selector), sorted.
    #[must_use]
    pub fn selector(&self) -> &[(String, String)] {
        &self.selector
    }

    /// `spec.replicas`; `None` for kinds that have none.
    #[must_use]
    pub const fn replicas(&self) -> Option<i32> {
        self.replicas
    }

    /// How Pods are replaced; `None` for a Service.
    #[must_use]
    pub const fn strategy(&self) -> Option<&Strategy> {
        self.strategy.as_ref()
    }

    /// `spec.minReadySeconds`, in seconds; 0 where the kind or the object has none.
    #[must_use]
    pub const fn min_ready_seconds(&self) -> i32 {
        self.min_ready_seconds
    }

    /// `spec.progressDeadlineSeconds`, in seconds; `None` for kinds that have none.
    #[must_use]
    pub const fn progress_deadline_seconds(&self) -> Option<i32> {
        self.progress_deadline_seconds
    }

    /// `spec.paused`.
    #[must_use]
    pub const fn paused(&self) -> bool {
        self.paused
    }

    /// Pod-level fields of the template; `None` for a Service.
    #[must_use]
    pub const fn pod(&self) -> Option<&Pod> {
        self.pod.as_ref()
    }

    /// `spec.template.spec.containers`, then `spec.template.spec.initContainers`.
    #[must_use]
    pub fn containers(&self) -> &[Container] {
        &self.containers
    }

    /// The variables of the container with this index; empty when there is no such container.
    #[must_use]
    pub fn env(&self, container: u32) -> Vec<EnvVar> {
        self.detail(container, detail::env)
    }

    /// The `envFrom` sources of the container with this index.
    #[must_use]
    pub fn env_from(&self, container: u32) -> Vec<EnvFrom> {
        self.detail(container, detail::env_from)
    }

    /// The volume mounts of the container with this index.
    #[must_use]
    pub fn volume_mounts(&self, container: u32) -> Vec<VolumeMount> {
        self.detail(container, detail::volume_mounts)
    }

    /// The volume devices of the container with this index: name and device path.
    #[must_use]
    pub fn volume_devices(&self, container: u32) -> Vec<(String, String)> {
        self.detail(container, detail::volume_devices)
    }

    /// The security context of the container with this index; `None` where none is set.
    #[must_use]
    pub fn security_context(&self, container: u32) -> Option<SecurityContext> {
        self.detail(container, detail::security_context)
    }

    /// What stands at an RFC 6901 pointer into the object; the empty pointer is the whole object. An
    /// explicit `null` is nothing, as in the API.
    #[must_use]
    pub fn json(&self, pointer: &str) -> Option<&Value> {
        self.tree.pointer(pointer).filter(|value| !value.is_null())
    }

    /// The whole object, with the API's defaults filled in.
    #[must_use]
    pub const fn tree(&self) -> &Value {
        &self.tree
    }

    fn read(kind: Kind, root: &Node<'_, '_>, namespace: Option<&str>) -> Result<Self, ShapeError> {
        let mut workload = Self::named(kind, root, namespace)?;
        let spec = root.field("spec")?;
        if kind == Kind::Service {
            workload.selector = spec.field("selector")?.pairs()?;
            return Ok(workload);
        }
        workload.selector = spec.field("selector")?.field("matchLabels")?.pairs()?;
        workload.replicas = spec.field("replicas")?.i32()?;
        workload.strategy = parts::strategy(kind, &spec)?;
        workload.min_ready_seconds = spec.field("minReadySeconds")?.i32()?.unwrap_or_default();
        workload.progress_deadline_seconds = spec.field("progressDeadlineSeconds")?.i32()?;
        workload.paused = spec.field("paused")?.flag()?.unwrap_or_default();
        workload.read_template(&spec.field("template")?)?;
        Ok(workload)
    }

    fn read_template(&mut self, template: &Node<'_, '_>) -> Result<(), ShapeError> {
        // An Argo Rollout with a `workloadRef` has its template in another object.
        if self.kind == Kind::Rollout && template.value().is_null() {
            return Ok(());
        }
        let metadata = template.field("metadata")?;
        self.pod_labels = metadata.field("labels")?.pairs()?;
        self.pod_annotations = metadata.field("annotations")?.pairs()?;
        let spec = template.field("spec")?;
        self.containers = container::containers(&spec)?;
        self.pod = Some(parts::pod(&spec)?);
        for list in ["containers", "initContainers"] {
            spec.field(list)?
                .each(|container| detail::check(&container))?;
        }
        Ok(())
    }

    fn named(kind: Kind, root: &Node<'_, '_>, namespace: Option<&str>) -> Result<Self, ShapeError> {
        let metadata = root.field("metadata")?;
        let name = metadata.field("name")?.filled()?;
        let own_namespace = metadata.field("namespace")?.filled()?;
        Ok(Self {
            name: name.map_or_else(|| metadata.field("generateName")?.text_or_empty(), Ok)?,
            namespace: own_namespace.unwrap_or_else(|| namespace.unwrap_or_default().to_owned()),
            labels: metadata.field("labels")?.pairs()?,
            annotations: metadata.field("annotations")?.pairs()?,
            ..Self::empty(kind)
        })
    }

    const fn empty(kind: Kind) -> Self {
        Self {
            kind,
            tree: Value::Null,
            name: String::new(),
            namespace: String::new(),
            labels: Vec::new(),
            annotations: Vec::new(),
            pod_labels: Vec::new(),
            pod_annotations: Vec::new(),
            selector: Vec::new(),
            replicas: None,
            strategy: None,
            min_ready_seconds: 0,
            progress_deadline_seconds: None,
            paused: false,
            pod: None,
            containers: Vec::new(),
        }
    }

    fn detail<T: Default>(
        &self,
        container: u32,
        read: impl FnOnce(&Node<'_, '_>) -> Result<T, ShapeError>,
    ) -> T {
        let container = usize::try_from(container)
            .ok()
            .and_then(|index| self.containers.get(index));
        let node = container.and_then(|container| self.tree.pointer(&container.path));
        node.map_or_else(T::default, |node| {
            read(&Node::root(node)).expect("checked when the object was parsed")
        })
    }
}

fn kind(root: &Node<'_, '_>) -> Result<Kind, ShapeError> {
    if root.object()?.is_none() {
        return Err(root.wrong("an object"));
    }
    let required = |key| {
        let node = root.field(key)?;
        node.text()?.ok_or_else(|| node.wrong("a string"))
    };
    let (api_version, kind) = (required("apiVersion")?, required("kind")?);
    if let Some(kind) = Kind::of(api_version, kind) {
        return Ok(kind);
    }
    let api_version = api_version.to_owned();
    Err(match Kind::formerly(&api_version, kind) {
        Some(kind) => ShapeError::NoLongerServed { api_version, kind },
        None => ShapeError::OtherKind {
            api_version,
            kind: kind.to_owned(),
        },
    })
}
