//! The settings as an operator writes them.

use schemars::JsonSchema;
use serde::Deserialize;

/// Where an image must have been available before, and for how long.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    /// The namespace where the same workload must have run the image, such as `staging`.
    pub namespace: Option<String>,
    /// That namespace by a replaced ending instead, where there is one for each namespace.
    pub suffix: Option<Suffix>,
    /// The name of the workload there, in which `${name}` is the name of the one here; `${name}` by
    /// default. It has the same kind.
    pub workload_name: Option<String>,
    /// How long it must have been available with the image, such as `24h`.
    pub available_for: String,
}

/// Namespaces such as `shop-prod` and `shop-staging`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Suffix {
    /// The ending of the namespace of the rollout, such as `-prod`.
    pub replace: String,
    /// The ending of the other namespace, such as `-staging`.
    pub with: String,
}
