//! The settings as an operator writes them.

use std::collections::BTreeMap;

use rollgate_sdk::Severity;
use schemars::JsonSchema;
use serde::Deserialize;

/// Which workload is the canary of another, and what it must have shown.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    /// The name of the canary, in which `${name}` is the name of the stable workload;
    /// `${name}-canary` by default. It has the same kind and namespace.
    pub canary_name: Option<String>,
    /// How to find the canary by labels instead.
    pub canary_labels: Option<CanaryLabels>,
    /// How long the canary must have run the image with all of its Pods available; `10m` by default.
    pub available_for: Option<String>,
    /// The metrics by which the canary is compared with the stable workload; none by default.
    pub metrics: Option<MetricsSettings>,
}

/// Labels of the canary.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CanaryLabels {
    /// The labels that every canary has, such as `track: canary`. The stable workload does not have
    /// all of them.
    pub has: BTreeMap<String, String>,
    /// A label whose value the canary shares with its stable workload, such as
    /// `app.kubernetes.io/name`.
    pub shares: String,
}

/// The comparison of the canary with the stable workload. Each query returns one number, and is made
/// for each of them: `${name}` and `${pods}` are those of the one, then of the other.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MetricsSettings {
    /// The name of the `MetricSource` to query.
    pub source: String,
    /// How many requests the canary must have had.
    pub requests: Requests,
    /// The ratio of errors.
    pub error_ratio: Option<Comparison>,
    /// The latency.
    pub latency: Option<Comparison>,
    /// What happens when the canary is worse; `hold` by default.
    pub breach: Option<Severity>,
}

/// The traffic of the canary: with too few requests, nothing can be told.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Requests {
    /// The number of requests, such as
    /// `sum(increase(http_requests_total{namespace="${namespace}",pod=~"${pods}"}[10m]))`.
    pub query: String,
    /// The minimum.
    pub min: f64,
}

/// A value that may be no worse than that of the stable workload.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Comparison {
    /// The value; a higher one is worse.
    pub query: String,
    /// How many times the value of the stable workload is allowed, such as `1.5`.
    pub factor: f64,
    /// A value that is always good enough, such as an error ratio of `0.001`; 0 by default.
    #[serde(default)]
    pub ignore_below: f64,
}
