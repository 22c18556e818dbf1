//! `RolloutPolicy` and `ClusterRolloutPolicy`.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::policy_spec::PolicySpec;

/// Defines a kind of policy. Both kinds have the same spec, status and columns; the attributes of each are
/// arguments.
macro_rules! policy_kind {
    ($(#[$doc:meta])* $spec:ident { $($own:tt)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, CustomResource)]
        #[serde(transparent)]
        #[kube(
            $($own)*,
            group = "rollgate.dev",
            version = "v1alpha1",
            category = "rollgate",
            status = "PolicyStatus",
            printcolumn = r#"{"name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status"}"#,
            printcolumn = r#"{"name": "Reason", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].reason"}"#,
            printcolumn = r#"{"name": "Module", "type": "string", "jsonPath": ".spec.module['builtin','file']"}"#,
            printcolumn = r#"{"name": "Action", "type": "string", "jsonPath": ".spec.action"}"#,
            printcolumn = r#"{"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}"#,
            printcolumn = r#"{"name": "On Error", "type": "string", "jsonPath": ".spec.onError", "priority": 1}"#,
            printcolumn = r#"{"name": "Digest", "type": "string", "jsonPath": ".status.module.digest", "priority": 1}"#,
            printcolumn = r#"{"name": "Message", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].message", "priority": 1}"#
        )]
        pub struct $spec(pub PolicySpec);
    };
}

policy_kind! {
    /// A policy for the rollouts of its own namespace.
    RolloutPolicySpec {
        kind = "RolloutPolicy",
        doc = "Evaluates the rollouts of its namespace by a module",
        plural = "rolloutpolicies",
        shortname = "rpol",
        namespaced
    }
}

policy_kind! {
    /// A policy for the rollouts of all namespaces that it matches.
    ClusterRolloutPolicySpec {
        kind = "ClusterRolloutPolicy",
        doc = "Evaluates the rollouts that it matches, in all namespaces, by a module",
        plural = "clusterrolloutpolicies",
        shortname = "crpol"
    }
}

/// The status of a policy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyStatus {
    /// The generation of the spec that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`: whether the policy is loaded as its spec says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// The active module.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<ModuleStatus>,
}

/// The module that a policy evaluates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ModuleStatus {
    /// The name that it gives itself.
    pub name: String,
    /// The version that it gives itself.
    pub version: String,
    /// `sha256:` and the digest of its bytes.
    pub digest: String,
}
