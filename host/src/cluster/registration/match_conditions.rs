//! The CEL conditions that keep the API server from calling rollgate needlessly.
//!
//! Source: `matchConditions` of admissionregistration.k8s.io/v1. A condition that fails to evaluate counts
//! as a failure of the webhook, so each evaluates for every object that its rules match.

use std::collections::BTreeSet;

use k8s_openapi::api::admissionregistration::v1::MatchCondition;

/// Matches changes of the spec. Changes of metadata and finalizers never depend on rollgate: otherwise
/// the deletion of a namespace would hang while rollgate is down. The exception are the labels that
/// policies match by, as long as the object is not being deleted: a policy does not match a workload whose
/// label was removed.
pub(super) fn changed_spec(labels: &BTreeSet<&str>) -> MatchCondition {
    const SPEC: &str = "oldObject == null || object == null || object.spec != oldObject.spec";
    condition("changed-spec", or_labels(SPEC, labels))
}

/// Matches changes of a Pod template, which is in `template` of a PodTemplate.
pub(super) fn changed_template() -> MatchCondition {
    condition(
        "changed-template",
        "oldObject == null || object.?spec.?template != oldObject.?spec.?template || object.?template != oldObject.?template".to_owned(),
    )
}

/// Matches everything but ReplicaSets of Deployments and Argo Rollouts: the revision guard lets none but their
/// controllers change those.
pub(super) fn no_revision() -> MatchCondition {
    condition(
        "no-revision",
        "request.resource.resource != 'replicasets' || !object.metadata.?ownerReferences.orValue([]).exists(o, o.?controller.orValue(false) && ((o.kind == 'Deployment' && o.apiVersion.startsWith('apps/')) || (o.kind == 'Rollout' && o.apiVersion.startsWith('argoproj.io/'))))".to_owned(),
    )
}

/// Which changes of a Service may move traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ServiceChanges {
    /// Changes of its selector.
    Selector,
    /// Changes of its selector or its type, and creations.
    Any,
}

/// Matches changes of a Service that may move traffic. Services that Argo's controller creates, and the
/// hash that it alone changes in a selector, do not match: its steps, aborts included, must not depend on
/// rollgate and are no rollouts.
pub(super) fn moves_traffic(
    changes: ServiceChanges,
    argo: &[String],
    labels: &BTreeSet<&str>,
) -> MatchCondition {
    const OLD: &str = "oldObject.spec.?selector.orValue({})";
    const NEW: &str = "object.spec.?selector.orValue({})";
    const HASH: &str = "'rollouts-pod-template-hash'";
    const FIELDS: [(&str, &str); 3] = [
        ("type", "''"),
        ("externalName", "''"),
        ("publishNotReadyAddresses", "false"),
    ];
    let others = by_others(argo);
    let counts = format!("(k != {HASH} || {others})");
    let selector = format!(
        "{NEW}.exists(k, {counts} && (!(k in {OLD}) || {NEW}[k] != {OLD}[k])) || {OLD}.exists(k, {counts} && !(k in {NEW}))"
    );
    let expression = match changes {
        ServiceChanges::Selector => selector,
        ServiceChanges::Any => {
            let fields = FIELDS.map(|(field, unset)| {
                format!("object.spec.?{field}.orValue({unset}) != oldObject.spec.?{field}.orValue({unset})")
            });
            let fields = fields.join(" || ");
            format!("oldObject == null ? {others} : ({selector} || {fields})")
        }
    };
    condition("moves-traffic", or_labels(&expression, labels))
}

/// Matches if `condition` does, or one of these labels changes and the object is not being deleted.
fn or_labels(condition: &str, labels: &BTreeSet<&str>) -> String {
    if labels.is_empty() {
        return condition.to_owned();
    }
    let keys = serde_json::Value::from_iter(labels.iter().copied());
    format!(
        "({condition}) || (oldObject != null && object != null && !has(object.metadata.deletionTimestamp) && {keys}.exists(k, object.metadata.?labels[?k] != oldObject.metadata.?labels[?k]))"
    )
}

/// Matches requests by other users than these.
pub(super) fn by_others_than(users: &[String]) -> MatchCondition {
    condition("not-by-argo", by_others(users))
}

fn by_others(users: &[String]) -> String {
    let users = serde_json::Value::from(users);
    format!("!(request.userInfo.username in {users})")
}

/// Matches changes of a Rollout's status that are more than an abort.
pub(super) fn more_than_an_abort() -> MatchCondition {
    const OLD: &str = "oldObject.?status.orValue({})";
    const NEW: &str = "object.?status.orValue({})";
    condition(
        "more-than-an-abort",
        format!(
            "!({NEW}.?abort.orValue(false) == true && {NEW}.all(k, k == 'abort' || k in {OLD} && {NEW}[k] == {OLD}[k]) && {OLD}.all(k, k == 'abort' || k in {NEW}))"
        ),
    )
}

fn condition(name: &str, expression: String) -> MatchCondition {
    MatchCondition {
        name: name.to_owned(),
        expression,
    }
}
