//! The settings as an operator writes them.

use std::num::NonZeroU32;

use rollgate_sdk::status::WorkloadKind;
use schemars::JsonSchema;
use serde::Deserialize;

/// How many workloads may roll at once, and which of them count.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    /// The maximum number of workloads that roll at once, with the one that asks; 1 by default.
    #[serde(default = "one")]
    pub max: NonZeroU32,
    /// Where the others are counted; in its namespace by default.
    #[serde(default)]
    pub scope: Scope,
    /// A label, such as `team`: only workloads with the same value count together.
    pub label: Option<String>,
    /// A label selector in kubectl's syntax, such as `tier=web`: other workloads do not count.
    pub selector: Option<String>,
    /// Namespaces whose workloads do not count.
    #[serde(default)]
    pub exclude_namespaces: Vec<String>,
    /// The kinds that count; Deployment, StatefulSet and DaemonSet by default. Each needs a grant.
    #[serde(default = "kinds")]
    pub kinds: Vec<WorkloadKind>,
    /// Whether a rollout counts whose progress deadline is over; it does by default.
    #[serde(default)]
    pub stalled: Stalled,
}

/// Where workloads are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// In the namespace of the workload.
    #[default]
    Namespace,
    /// In all namespaces. The grants must be for all namespaces too.
    Cluster,
}

/// What a rollout counts as whose controller has given up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Stalled {
    /// As rolling: something is broken, and another change would make it harder to find.
    #[default]
    Count,
    /// As not rolling.
    Ignore,
}

const fn one() -> NonZeroU32 {
    NonZeroU32::MIN
}

fn kinds() -> Vec<WorkloadKind> {
    vec![
        WorkloadKind::Deployment,
        WorkloadKind::StatefulSet,
        WorkloadKind::DaemonSet,
    ]
}
