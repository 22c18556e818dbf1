//! Pod-level fields and the strategy of a workload.

use super::node::Node;
use crate::kind::Kind;
use crate::records::{Pod, Strategy};
use crate::shape::ShapeError;

pub(crate) fn pod(spec: &Node<'_, '_>) -> Result<Pod, ShapeError> {
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
pub(crate) fn strategy(kind: Kind, spec: &Node<'_, '_>) -> Result<Option<Strategy>, ShapeError> {
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
