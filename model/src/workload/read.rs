//! Parses the fields of an object of a known kind.

use crate::json::Value;

use super::node::Node;
use super::{TemplateSource, Workload, container, detail};
use crate::kind::Kind;
use crate::records::{Pod, Strategy};
use crate::shape::ShapeError;
use crate::template_ref::TemplateRef;

/// Returns the kind of an object.
pub(super) fn kind(root: &Node<'_, '_>) -> Result<Kind, ShapeError> {
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

/// Whether an Argo Rollout has a `workloadRef` and no template of its own. A Go client writes an
/// empty template beside the reference.
fn has_template_elsewhere(kind: Kind, spec: &Node<'_, '_>) -> Result<bool, ShapeError> {
    let template = spec.field("template")?;
    if kind != Kind::Rollout || template.value().is_null() {
        return Ok(kind == Kind::Rollout);
    }
    let referred = spec.field("workloadRef")?.present().is_some();
    Ok(referred
        && template
            .field("spec")?
            .field("containers")?
            .value()
            .is_null())
}

impl Workload {
    /// Parses everything except the tree, which the caller adds.
    pub(super) fn read(
        kind: Kind,
        root: &Node<'_, '_>,
        namespace: Option<&str>,
    ) -> Result<Self, ShapeError> {
        let mut workload = Self::named(kind, root, namespace)?;
        let spec = root.field("spec")?;
        if kind == Kind::Service {
            workload.selector = spec.field("selector")?.pairs()?;
            return Ok(workload);
        }
        workload.selector = spec.field("selector")?.field("matchLabels")?.pairs()?;
        workload.replicas = spec.field("replicas")?.i32()?;
        workload.strategy = strategy(kind, &spec)?;
        workload.min_ready_seconds = spec.field("minReadySeconds")?.i32()?.unwrap_or_default();
        workload.progress_deadline_seconds = spec.field("progressDeadlineSeconds")?.i32()?;
        workload.paused = spec.field("paused")?.flag()?.unwrap_or_default();
        if kind == Kind::Rollout
            && let Some(reference) = spec.field("workloadRef")?.present()
        {
            let reference = TemplateRef::read(&reference, &workload.namespace)?;
            workload.template_source = TemplateSource::NotRead(reference);
        }
        if !has_template_elsewhere(kind, &spec)? {
            workload.read_template(&spec.field("template")?)?;
        }
        Ok(workload)
    }

    fn read_template(&mut self, template: &Node<'_, '_>) -> Result<(), ShapeError> {
        let metadata = template.field("metadata")?;
        self.pod_labels = metadata.field("labels")?.pairs()?;
        self.pod_annotations = metadata.field("annotations")?.pairs()?;
        let spec = template.field("spec")?;
        self.containers = container::containers(&spec)?;
        self.pod = Some(pod(&spec)?);
        for list in ["containers", "initContainers"] {
            spec.field(list)?
                .each(|container| detail::check(&container))?;
        }
        Ok(())
    }

    /// Parses what every object has, including a `Scale`.
    pub(super) fn named(
        kind: Kind,
        root: &Node<'_, '_>,
        namespace: Option<&str>,
    ) -> Result<Self, ShapeError> {
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
            template_source: TemplateSource::Own,
        }
    }
}

fn pod(spec: &Node<'_, '_>) -> Result<Pod, ShapeError> {
    let flag = |key| Ok::<_, ShapeError>(spec.field(key)?.flag()?.unwrap_or_default());
    Ok(Pod {
        restart_policy: spec.field("restartPolicy")?.text_or_empty()?,
        termination_grace_period_seconds: spec
            .field("terminationGracePeriodSeconds")?
            .i64()?
            .unwrap_or_default(),
        service_account_name: spec.field("serviceAccountName")?.filled()?,
        automount_service_account_token: spec.field("automountServiceAccountToken")?.flag()?,
        host_network: flag("hostNetwork")?,
        host_pid: flag("hostPID")?,
        host_ipc: flag("hostIPC")?,
        share_process_namespace: flag("shareProcessNamespace")?,
        priority_class_name: spec.field("priorityClassName")?.filled()?,
        dns_policy: spec.field("dnsPolicy")?.text_or_empty()?,
        node_selector: spec.field("nodeSelector")?.pairs()?,
        readiness_gates: spec
            .field("readinessGates")?
            .each(|gate| gate.field("conditionType")?.text_or_empty())?,
    })
}

/// Parses the strategy of a workload; `None` for a Service and for an Argo Rollout without one.
fn strategy(kind: Kind, spec: &Node<'_, '_>) -> Result<Option<Strategy>, ShapeError> {
    match kind {
        Kind::Deployment => update_strategy(&spec.field("strategy")?).map(Some),
        Kind::StatefulSet | Kind::DaemonSet => {
            update_strategy(&spec.field("updateStrategy")?).map(Some)
        }
        Kind::Rollout => argo_strategy(&spec.field("strategy")?),
        Kind::Service => Ok(None),
    }
}

fn update_strategy(node: &Node<'_, '_>) -> Result<Strategy, ShapeError> {
    let kind = node.field("type")?.text_or_empty()?;
    limits(kind, &node.field("rollingUpdate")?)
}

fn argo_strategy(node: &Node<'_, '_>) -> Result<Option<Strategy>, ShapeError> {
    for (field, kind) in [("canary", "Canary"), ("blueGreen", "BlueGreen")] {
        if let Some(strategy) = node.field(field)?.present() {
            return limits(kind.to_owned(), &strategy).map(Some);
        }
    }
    Ok(None)
}

fn limits(kind: String, node: &Node<'_, '_>) -> Result<Strategy, ShapeError> {
    Ok(Strategy {
        kind,
        max_unavailable: node.field("maxUnavailable")?.int_or_string()?,
        max_surge: node.field("maxSurge")?.int_or_string()?,
        partition: node.field("partition")?.i32()?,
    })
}
