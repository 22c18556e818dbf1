//! The settings as an operator writes them.

use rollgate_sdk::status::WorkloadKind;
use schemars::JsonSchema;
use serde::Deserialize;

/// How shadows and the arms of experiments are recognised, and which Services are production's.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    /// The label of workloads that get a copy of the traffic and answer nobody;
    /// `rollgate.dev/shadow` by default. Any value counts except `false`.
    #[serde(default = "shadow_label")]
    pub shadow_label: String,
    /// The label of the arms of an experiment, whose value is the experiment's name;
    /// `rollgate.dev/experiment` by default.
    #[serde(default = "experiment_label")]
    pub experiment_label: String,
    /// A label that makes a Service one of production, such as `exposure: production`. By default
    /// every Service is that does not have one of the two labels above itself.
    pub production_label: Option<ProductionLabel>,
    /// The kinds of workloads that are read; Deployment, StatefulSet and DaemonSet by default. Each
    /// needs a grant.
    #[serde(default = "kinds")]
    pub kinds: Vec<WorkloadKind>,
}

/// A label of a Service.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProductionLabel {
    /// The key.
    pub key: String,
    /// The value.
    pub value: String,
}

fn shadow_label() -> String {
    "rollgate.dev/shadow".to_owned()
}

fn experiment_label() -> String {
    "rollgate.dev/experiment".to_owned()
}

fn kinds() -> Vec<WorkloadKind> {
    vec![
        WorkloadKind::Deployment,
        WorkloadKind::StatefulSet,
        WorkloadKind::DaemonSet,
    ]
}
