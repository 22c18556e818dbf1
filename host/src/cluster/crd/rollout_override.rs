//! `RolloutOverride`: a permission to pass named policies, and the record of its use.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::CustomResource;
use rollgate_model::Kind;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Lets a workload of its namespace pass policies that would deny or hold it, until it expires. It
/// is kept as a record, so it never changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, CustomResource)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[kube(
    group = "rollgate.dev",
    version = "v1alpha1",
    kind = "RolloutOverride",
    doc = "Lets a workload of its namespace pass policies that would deny or hold it, until it expires",
    plural = "rolloutoverrides",
    shortname = "rovr",
    category = "rollgate",
    status = "OverrideStatus",
    namespaced,
    printcolumn = r#"{"name": "Kind", "type": "string", "jsonPath": ".spec.workload.kind"}"#,
    printcolumn = r#"{"name": "Workload", "type": "string", "jsonPath": ".spec.workload.name"}"#,
    printcolumn = r#"{"name": "Policies", "type": "string", "jsonPath": ".spec.policies"}"#,
    printcolumn = r#"{"name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status"}"#,
    printcolumn = r#"{"name": "Expires", "type": "string", "jsonPath": ".spec.expires"}"#,
    printcolumn = r#"{"name": "Used By", "type": "string", "jsonPath": ".status.uses[*].user"}"#,
    printcolumn = r#"{"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}"#,
    printcolumn = r#"{"name": "Reason", "type": "string", "jsonPath": ".spec.reason", "priority": 1}"#,
    printcolumn = r#"{"name": "Message", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].message", "priority": 1}"#
)]
pub struct OverrideSpec {
    /// The workload, in the override's own namespace.
    pub workload: WorkloadRef,
    /// The policies that may be passed, each by its name: `office-hours`, or `shop/probes` where
    /// it is a RolloutPolicy.
    #[schemars(extend("x-kubernetes-list-type" = "set"))]
    pub policies: Vec<String>,
    /// Why, for those who read the record.
    pub reason: String,
    /// Until when it applies.
    pub expires: Time,
    /// The images that the template may have; left out, any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "set"))]
    pub images: Vec<String>,
    /// The one template that it is for, by the hash that a denial names; left out, any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// Who may use it, by the name that the API server knows them by; left out, whoever may change
    /// the workload.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "set"))]
    pub users: Vec<String>,
    /// Only for one template: the one that its first use binds it to.
    #[serde(default)]
    pub single_use: bool,
}

/// A workload by kind and name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WorkloadRef {
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: String,
}

/// The status of an override.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OverrideStatus {
    /// The generation of the spec that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`: whether it can be used now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// Its uses, the first one first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub uses: Vec<Use>,
}

/// One use of an override.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Use {
    /// The UID of the workload; left out where the use created it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload_uid: Option<String>,
    /// The hash of the template that passed.
    pub template_hash: String,
    /// Who changed the workload.
    pub user: String,
    /// When.
    pub at: Time,
}
