//! Which requests are worth a call, in CEL.
//!
//! Source: `matchConditions` of admissionregistration.k8s.io/v1. A condition that cannot be told
//! counts as the webhook's failure, so each is told for every object that its rules let through.

use std::collections::BTreeSet;

use k8s_openapi::api::admissionregistration::v1::MatchCondition;

/// Metadata and finalizers never depend on rollgate: else a namespace would hang in its deletion
/// while rollgate is down. The labels that policies match by are the exception, as long as the object
/// is not being deleted: taking one away takes the workload out of a policy's sight.
pub(super) fn changed_spec(labels: &BTreeSet<&str>) -> MatchCondition {
    const SPEC: &str = "oldObject == null || object == null || object.spec != oldObject.spec";
    condition("changed-spec", or_labels(SPEC, labels))
}

/// How a Service may lead traffic elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moves {
    /// By its selector.
    Selector,
    /// By its selector or by its type, or as a Service that is new.
    Any,
}

/// A Service that may lead traffic elsewhere. Those that Argo's controller creates, and the hash that
/// it alone changes in a selector, are left out: its steps, an abort too, must not depend on rollgate,
/// and are no rollouts.
pub(super) fn moves_traffic(
    moves: Moves,
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
    let expression = match moves {
        Moves::Selector => selector,
        Moves::Any => {
            let fields = FIELDS.map(|(field, unset)| {
                format!("object.spec.?{field}.orValue({unset}) != oldObject.spec.?{field}.orValue({unset})")
            });
            let fields = fields.join(" || ");
            format!("oldObject == null ? {others} : ({selector} || {fields})")
        }
    };
    condition("moves-traffic", or_labels(&expression, labels))
}

/// The condition, or a change of one of these labels of an object that is not being deleted.
fn or_labels(condition: &str, labels: &BTreeSet<&str>) -> String {
    if labels.is_empty() {
        return condition.to_owned();
    }
    let keys = serde_json::Value::from_iter(labels.iter().copied());
    format!(
        "({condition}) || (oldObject != null && object != null && !has(object.metadata.deletionTimestamp) && {keys}.exists(k, object.metadata.?labels[?k] != oldObject.metadata.?labels[?k]))"
    )
}

/// Not one of these users.
pub(super) fn by_others_than(users: &[String]) -> MatchCondition {
    condition("not-by-argo", by_others(users))
}

fn by_others(users: &[String]) -> String {
    let users = serde_json::Value::from(users);
    format!("!(request.userInfo.username in {users})")
}

/// A status that changes in more than that the Rollout is aborted.
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
