//! Which requests are worth a call, in CEL.
//!
//! Source: `matchConditions` of admissionregistration.k8s.io/v1. A condition that cannot be told
//! counts as the webhook's failure, so each is told for every object that its rules let through.

use k8s_openapi::api::admissionregistration::v1::MatchCondition;

/// Metadata and finalizers never depend on rollgate: else a namespace would hang in its deletion
/// while rollgate is down.
pub(super) fn changed_spec() -> MatchCondition {
    condition(
        "changed-spec",
        "oldObject == null || object == null || object.spec != oldObject.spec".to_owned(),
    )
}

/// A Service's selector, but for the part that Argo's controller moves: its steps, an abort too, must
/// not depend on rollgate, and are no rollouts.
pub(super) fn changed_selector() -> MatchCondition {
    const OLD: &str = "oldObject.spec.?selector.orValue({})";
    const NEW: &str = "object.spec.?selector.orValue({})";
    const NOT_ARGOS: &str = "k != 'rollouts-pod-template-hash'";
    condition(
        "changed-selector",
        format!(
            "{NEW}.exists(k, {NOT_ARGOS} && (!(k in {OLD}) || {NEW}[k] != {OLD}[k])) || {OLD}.exists(k, {NOT_ARGOS} && !(k in {NEW}))"
        ),
    )
}

/// Not one of these users.
pub(super) fn by_others_than(users: &[String]) -> MatchCondition {
    let users = serde_json::Value::from(users);
    condition(
        "not-by-argo",
        format!("!(request.userInfo.username in {users})"),
    )
}

fn condition(name: &str, expression: String) -> MatchCondition {
    MatchCondition {
        name: name.to_owned(),
        expression,
    }
}
