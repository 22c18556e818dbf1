//! An object of a rollout, parsed once, with the API's defaults filled in.

mod container;
mod detail;
mod node;
mod read;
mod weight;

use crate::json::Value;

use crate::defaults;
use crate::kind::Kind;
use crate::records::{Container, EnvFrom, EnvVar, Pod, SecurityContext, Strategy, VolumeMount};
use crate::shape::ShapeError;
use crate::template_ref::TemplateRef;
pub(crate) use node::Node;

/// A Deployment, StatefulSet, DaemonSet, Argo Rollout or Service.
///
/// All records are validated when the object is parsed, so that no method fails, and all policies
/// of a review share one object. Rarely read parts of a container stay in the JSON tree and are
/// converted on demand.
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
    template_source: TemplateSource,
}

/// Where a workload has its Pod template.
#[derive(Clone, Debug, PartialEq)]
enum TemplateSource {
    /// In the workload itself, if its kind has one.
    Own,
    /// In another object, which was not read. What is at `spec.template` is ignored.
    NotRead(TemplateRef),
    /// In another object; shown at `spec.template`.
    Read(TemplateRef),
    /// In another object that could not be read.
    Unreadable { reference: TemplateRef, why: String },
}

impl Workload {
    /// Parses an object and fills in the API server's defaults.
    ///
    /// `namespace_of_request` is that of an admission request, or the one that manifests are
    /// applied to. It is used where the object itself has none.
    ///
    /// # Errors
    /// When the object is not a workload, or a field has another type than in its API.
    pub fn parse(
        tree: impl Into<Value>,
        namespace_of_request: Option<&str>,
    ) -> Result<Self, ShapeError> {
        let mut tree = tree.into();
        let kind = read::kind(&Node::root(&tree))?;
        forget_managed_fields(&mut tree);
        defaults::fill(kind, &mut tree);
        let mut workload = Self::read(kind, &Node::root(&tree), namespace_of_request)?;
        workload.tree = tree;
        Ok(workload)
    }

    /// Returns how many bytes [`parse`](Self::parse) takes beside the tree, or more.
    #[must_use]
    pub fn weight(tree: &Value) -> usize {
        weight::of(tree)
    }

    /// Parses a `Scale`, the object of the subresource `/scale`, as the workload that it scales:
    /// with a name and replicas, but no template.
    ///
    /// # Errors
    /// When a field has another type than in its API.
    pub fn parse_scale(
        kind: Kind,
        tree: impl Into<Value>,
        namespace_of_request: Option<&str>,
    ) -> Result<Self, ShapeError> {
        let tree = tree.into();
        let root = Node::root(&tree);
        let mut workload = Self::named(kind, &root, namespace_of_request)?;
        // A Scale with 0 replicas omits the field (autoscaling/v1 ScaleSpec).
        workload.replicas = Some(root.field("spec")?.field("replicas")?.i32()?.unwrap_or(0));
        workload.tree = tree;
        Ok(workload)
    }

    /// Parses the object again, with another Pod template.
    pub(crate) fn with_template(&self, template: Value) -> Result<Self, ShapeError> {
        let mut tree = self.tree.clone();
        if let Some(own) = tree.pointer_mut("/spec/template") {
            *own = template;
        }
        Self::parse(tree, Some(&self.namespace))
    }

    /// Returns the object with the Pod template that its `spec.workloadRef` refers to, or with the
    /// reason why that could not be read.
    pub(crate) fn with_referred_template(&self, template: Result<Value, String>) -> Self {
        let Some(reference) = self.template_ref().cloned() else {
            return self.clone();
        };
        let read = template.and_then(|template| {
            let mut tree = self.tree.clone();
            if let Some(spec) = tree.get_mut("spec").and_then(Value::as_object_mut) {
                spec.insert("template", template);
            }
            let read =
                Self::parse(tree, Some(&self.namespace)).map_err(|error| error.to_string())?;
            let filled = !read.containers.is_empty();
            let read = filled.then_some(read);
            read.ok_or_else(|| "its template has no containers".to_owned())
        });
        match read {
            Ok(read) => Self {
                template_source: TemplateSource::Read(reference),
                ..read
            },
            Err(why) => Self {
                template_source: TemplateSource::Unreadable { reference, why },
                ..self.clone()
            },
        }
    }

    /// Returns the object that has the Pod template, where it is not this one: that of an Argo
    /// Rollout's `spec.workloadRef`.
    #[must_use]
    pub const fn template_ref(&self) -> Option<&TemplateRef> {
        match &self.template_source {
            TemplateSource::Own => None,
            TemplateSource::NotRead(reference)
            | TemplateSource::Read(reference)
            | TemplateSource::Unreadable { reference, .. } => Some(reference),
        }
    }

    /// Returns why the Pod template is not known; `None` where it is. A policy that asks for any
    /// part of it must fail, since the part that it cannot see may be faulty.
    #[must_use]
    pub fn no_template(&self) -> Option<String> {
        match &self.template_source {
            TemplateSource::Unreadable { reference, why } => Some(format!(
                "the Pod template of this {} is in {reference} (`spec.workloadRef`), which could not be read: {why}",
                self.kind
            )),
            _ => None,
        }
    }

    /// Returns why the value at a pointer is not known: it is, contains or is part of a Pod
    /// template that could not be read.
    #[must_use]
    pub fn no_template_at(&self, pointer: &str) -> Option<String> {
        const TEMPLATE: &str = "/spec/template";
        let below = pointer.strip_prefix(TEMPLATE);
        let inside = below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let holds = matches!(pointer, "" | "/spec");
        self.no_template().filter(|_| inside || holds)
    }

    /// Whether the value at `/spec/template` is the template that Pods are created from.
    pub(crate) const fn shows_template(&self) -> bool {
        matches!(
            self.template_source,
            TemplateSource::Own | TemplateSource::Read(_)
        )
    }

    /// Returns the kind.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns the API version, such as `apps/v1`.
    #[must_use]
    pub const fn api_version(&self) -> &'static str {
        self.kind.api_version()
    }

    /// Returns `metadata.name`, or `generateName` where the API server is to choose the name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the namespace of the object or the request; empty where neither has one.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Returns `metadata.labels`, sorted by key.
    #[must_use]
    pub fn labels(&self) -> &[(String, String)] {
        &self.labels
    }

    /// Returns `metadata.annotations`, sorted by key.
    #[must_use]
    pub fn annotations(&self) -> &[(String, String)] {
        &self.annotations
    }

    /// Whether it is being deleted, and waits for its finalizers.
    #[must_use]
    pub fn is_being_deleted(&self) -> bool {
        self.json("/metadata/deletionTimestamp").is_some()
    }

    /// Returns the Pod template's labels, sorted by key.
    #[must_use]
    pub fn pod_labels(&self) -> &[(String, String)] {
        &self.pod_labels
    }

    /// Returns the Pod template's annotations, sorted by key.
    #[must_use]
    pub fn pod_annotations(&self) -> &[(String, String)] {
        &self.pod_annotations
    }

    /// Returns `spec.selector` as equality pairs (`matchLabels`, or a Service's selector), sorted.
    #[must_use]
    pub fn selector(&self) -> &[(String, String)] {
        &self.selector
    }

    /// Returns `spec.replicas`; `None` for kinds that have none.
    #[must_use]
    pub const fn replicas(&self) -> Option<i32> {
        self.replicas
    }

    /// Returns how Pods are replaced; `None` for a Service.
    #[must_use]
    pub const fn strategy(&self) -> Option<&Strategy> {
        self.strategy.as_ref()
    }

    /// Returns `spec.minReadySeconds`; 0 where the kind or the object has none.
    #[must_use]
    pub const fn min_ready_seconds(&self) -> i32 {
        self.min_ready_seconds
    }

    /// Returns `spec.progressDeadlineSeconds`; `None` for kinds that have none.
    #[must_use]
    pub const fn progress_deadline_seconds(&self) -> Option<i32> {
        self.progress_deadline_seconds
    }

    /// Returns `spec.paused`.
    #[must_use]
    pub const fn paused(&self) -> bool {
        self.paused
    }

    /// Returns the Pod-level fields of the template; `None` for a Service.
    #[must_use]
    pub const fn pod(&self) -> Option<&Pod> {
        self.pod.as_ref()
    }

    /// Returns `spec.template.spec.containers`, followed by `spec.template.spec.initContainers`.
    #[must_use]
    pub fn containers(&self) -> &[Container] {
        &self.containers
    }

    /// Returns the variables of the container with this index; empty when there is no such
    /// container.
    #[must_use]
    pub fn env(&self, container: u32) -> Vec<EnvVar> {
        self.detail(container, detail::env)
    }

    /// Returns the `envFrom` sources of the container with this index.
    #[must_use]
    pub fn env_from(&self, container: u32) -> Vec<EnvFrom> {
        self.detail(container, detail::env_from)
    }

    /// Returns the volume mounts of the container with this index.
    #[must_use]
    pub fn volume_mounts(&self, container: u32) -> Vec<VolumeMount> {
        self.detail(container, detail::volume_mounts)
    }

    /// Returns the volume devices of the container with this index: name and device path.
    #[must_use]
    pub fn volume_devices(&self, container: u32) -> Vec<(String, String)> {
        self.detail(container, detail::volume_devices)
    }

    /// Returns the security context of the container with this index; `None` where none is set.
    #[must_use]
    pub fn security_context(&self, container: u32) -> Option<SecurityContext> {
        self.detail(container, detail::security_context)
    }

    /// Returns the value at an RFC 6901 pointer; the empty pointer is the whole object. As in the
    /// API, an explicit `null` counts as absent.
    #[must_use]
    pub fn json(&self, pointer: &str) -> Option<&Value> {
        self.tree.pointer(pointer).filter(|value| !value.is_null())
    }

    /// Returns the whole object, with the API's defaults filled in.
    #[must_use]
    pub const fn tree(&self) -> &Value {
        &self.tree
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

/// Removes the managed fields, which no policy is shown.
fn forget_managed_fields(tree: &mut Value) {
    if let Some(Value::Object(metadata)) = tree.get_mut("metadata") {
        metadata.remove("managedFields");
    }
}
