//! The settings as an operator writes them; parsed into [`Check`](crate::check::Check)s.

use rollgate_sdk::Severity;
use rollgate_sdk::threshold::Answer;
use schemars::JsonSchema;
use serde::Deserialize;

/// Checks of live metrics. A rollout is allowed while every check is within its bounds.
///
/// `source`, `maxAge`, `breach` and `answers` apply to every check that does not set them itself.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    /// The name of the `MetricSource` to query.
    pub source: Option<String>,
    /// The maximum age of the newest sample, such as `2m`.
    pub max_age: Option<String>,
    /// What happens when a value is out of bounds; `hold` by default.
    pub breach: Option<Severity>,
    /// What happens when there is no value.
    #[serde(default)]
    pub answers: AnswerSettings,
    /// The checks; at least one.
    pub checks: Vec<CheckSettings>,
}

/// One named check: exactly one of `query`, `requestRate`, `errorRatio`, `latency`, `utilization`
/// and `saturation`, with `min`, `max` or both; or `before`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("oneOf" = [
    {"required": ["query"]}, {"required": ["requestRate"]},
    {"required": ["errorRatio"]}, {"required": ["latency"]},
    {"required": ["utilization"]}, {"required": ["saturation"]}
]))]
pub struct CheckSettings {
    /// The name that people see, such as `error-ratio`: lowercase letters, digits and `-`.
    pub name: String,
    /// A PromQL expression. Inside its quotes, `${namespace}`, `${name}`, `${kind}` and
    /// `${label:KEY}` (a label of the Pod template, or else of the object) are replaced by values;
    /// after `=~`, `${pods}` matches the names of the workload's Pods. Every series of the result
    /// must keep the bounds.
    pub query: Option<String>,
    /// Requests per second, from a counter.
    pub request_rate: Option<RequestRate>,
    /// Failed requests in proportion to all, 0 to 1, from a counter.
    pub error_ratio: Option<ErrorRatio>,
    /// The duration within which all but the slowest requests end, in seconds, from a classic
    /// histogram.
    pub latency: Option<Latency>,
    /// Used CPU or memory in proportion to what is requested or allowed.
    pub utilization: Option<Utilization>,
    /// How much of the time something waits for a resource, 0 to 1.
    pub saturation: Option<Saturation>,
    /// The minimum.
    pub min: Option<f64>,
    /// The maximum.
    pub max: Option<f64>,
    /// Compares with the value before the rollout of the running version, or some time ago, instead
    /// of with `min` and `max`.
    pub before: Option<Before>,
    /// How many requests there must have been during the window for `errorRatio` and `latency`, or by
    /// `requests` for a `query`. With fewer, the value does not count, and there is no data.
    pub min_requests: Option<f64>,
    /// For `query` with `minRequests`: a PromQL expression for the number of requests.
    pub requests: Option<String>,
    /// Evaluates every point of the last minutes, such as `10m`, instead of the value now. A point
    /// without data counts as no data, and excuses no other point.
    pub over: Option<String>,
    /// The distance between two points of `over`; by default a twentieth of it.
    pub step: Option<String>,
    /// For `query`: a PromQL expression whose value is the Unix time of the newest sample, such as
    /// `max(timestamp(up{namespace="${namespace}"}))`. Prometheus returns the time of the query as
    /// the timestamp, so the query alone cannot show the age. The ready-made checks query it
    /// themselves.
    pub freshness: Option<String>,
    /// The name of the `MetricSource` to query.
    pub source: Option<String>,
    /// The maximum age of the newest sample, such as `2m`.
    pub max_age: Option<String>,
    /// What happens when a value is out of bounds.
    pub breach: Option<Severity>,
    /// What happens when there is no value; absent fields are those of the settings.
    #[serde(default)]
    pub answers: AnswerSettings,
}

/// What happens when there is no value. No field has a default: each is set in the check or for all
/// checks.
///
/// A source that is unknown or not granted, and a query that the source refuses, are mistakes of
/// the configuration: the policy then fails, whatever `error` says.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AnswerSettings {
    /// The query returns no series.
    pub no_data: Option<Answer>,
    /// A value is NaN, most often a ratio of zero to zero.
    pub nan: Option<Answer>,
    /// The newest sample is older than `maxAge`. With `allow`, no `maxAge` is needed.
    pub stale: Option<Answer>,
    /// The query fails: a timeout, a source that is down, a result that is too large.
    pub error: Option<Answer>,
}

/// Requests per second.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RequestRate {
    /// A counter of requests, such as `http_requests_total`.
    pub metric: String,
    /// Label matchers for the workload's series, as in a query; by default the namespace and the
    /// names of the workload's Pods.
    pub matchers: Option<String>,
    /// The time range of the rate; `5m` by default.
    pub window: Option<String>,
}

/// Failed requests in proportion to all.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ErrorRatio {
    /// A counter of requests, such as `http_requests_total`.
    pub metric: String,
    /// The label with the result of a request; `code` by default. Series without it are ignored, so
    /// that a misspelled label is no data and not an error ratio of zero.
    pub label: Option<String>,
    /// A regular expression for that label's values that are errors; `5..` by default.
    pub errors: Option<String>,
    /// Label matchers for the workload's series, as in a query; by default the namespace and the
    /// names of the workload's Pods.
    pub matchers: Option<String>,
    /// The time range of the rates; `5m` by default.
    pub window: Option<String>,
}

/// A quantile of the duration of requests.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Latency {
    /// A classic histogram, such as `http_request_duration_seconds`; its `_bucket` series are
    /// queried.
    pub metric: String,
    /// The quantile, above 0 and below 1, such as `0.99`.
    pub quantile: f64,
    /// Label matchers for the workload's series, as in a query; by default the namespace and the
    /// names of the workload's Pods.
    pub matchers: Option<String>,
    /// The time range of the rates; `5m` by default.
    pub window: Option<String>,
}

/// Used CPU or memory in proportion to what the containers request, or may use at most. The metrics
/// are those of the kubelet (cAdvisor) and of kube-state-metrics.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Utilization {
    /// The resource.
    pub resource: Resource,
    /// What the use is divided by; `limits` by default.
    #[serde(default)]
    pub of: Of,
    /// Label matchers for the workload's series, as in a query; by default the namespace and the
    /// names of the workload's Pods. Both kinds of series need these labels.
    pub matchers: Option<String>,
    /// The time range of the rate of used CPU; `5m` by default.
    pub window: Option<String>,
}

/// A resource of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Resource {
    /// Cores.
    Cpu,
    /// Bytes.
    Memory,
}

/// What the use of a resource is divided by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Of {
    /// What the containers request.
    Requests,
    /// What the containers may use at most.
    #[default]
    Limits,
}

/// How much of the time something waits for a resource. The metrics are those of the kubelet
/// (cAdvisor).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Saturation {
    /// What waits.
    pub of: Waiting,
    /// Label matchers for the workload's series, as in a query; by default the namespace and the
    /// names of the workload's Pods.
    pub matchers: Option<String>,
    /// The time range of the rates; `5m` by default.
    pub window: Option<String>,
}

/// What waits for a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Waiting {
    /// The proportion of the periods in which a container was stopped at its CPU limit.
    CpuThrottling,
    /// The proportion of the time in which a task of the busiest container waited for the CPU (PSI).
    CpuPressure,
    /// The proportion of the time in which a task of the busiest container waited for memory (PSI).
    MemoryPressure,
    /// The proportion of the time in which a task of the busiest container waited for a disk (PSI).
    IoPressure,
}

/// A comparison with an earlier value of the same series.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Before {
    /// The instant of the earlier value: `rollout`, when the running version was rolled out; or how
    /// long ago, such as `1d`.
    pub at: String,
    /// How many times the earlier value is the maximum, such as `1.5`.
    pub max_times: Option<f64>,
    /// How many times the earlier value is the minimum, such as `0.5`.
    pub min_times: Option<f64>,
    /// A value that is never too high, such as an error ratio of `0.001`.
    pub ignore_below: Option<f64>,
}
