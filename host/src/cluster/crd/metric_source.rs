//! `MetricSource`.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sources::MetricSourceSpec as Spec;

/// A place that metrics come from.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, CustomResource)]
#[serde(transparent)]
#[kube(
    group = "rollgate.dev",
    version = "v1alpha1",
    kind = "MetricSource",
    doc = "A place that metrics come from; policies ask for it by its name and never see where it is",
    shortname = "msrc",
    category = "rollgate",
    status = "SourceStatus",
    printcolumn = r#"{"name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status"}"#,
    printcolumn = r#"{"name": "Reason", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].reason"}"#,
    printcolumn = r#"{"name": "URL", "type": "string", "jsonPath": ".spec.prometheus.url"}"#,
    printcolumn = r#"{"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}"#,
    printcolumn = r#"{"name": "Message", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].message", "priority": 1}"#
)]
pub struct MetricSourceSpec(pub Spec);

/// The status of a metric source.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SourceStatus {
    /// The generation of the spec that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`: whether it can be queried. Whether it answers is not checked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}
