//! The settings as an operator writes them. [`Check`](crate::check::Check) is what they mean.

use rollgate_sdk::Severity;
use rollgate_sdk::threshold::Answer;
use schemars::JsonSchema;
use serde::Deserialize;

/// Checks of live metrics. A rollout may go while every check holds.
///
/// `source`, `maxAge`, `breach` and `answers` apply to every check that does not say otherwise.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    /// The name of the `MetricSource` to ask.
    pub source: Option<String>,
    /// How old the newest sample may be, such as `2m`.
    pub max_age: Option<String>,
    /// What a value out of bounds asks for; `hold` unless set.
    pub breach: Option<Severity>,
    /// What it means when there is no proper value.
    #[serde(default)]
    pub answers: AnswerSettings,
    /// The checks; at least one.
    pub checks: Vec<CheckSettings>,
}

/// One named check: exactly one of `query`, `requestRate`, `errorRatio` and `latency`, with `min`,
/// `max` or both.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("oneOf" = [
    {"required": ["query"]}, {"required": ["requestRate"]},
    {"required": ["errorRatio"]}, {"required": ["latency"]}
]))]
pub struct CheckSettings {
    /// What people read, such as `error-ratio`: small letters, digits and `-`.
    pub name: String,
    /// A PromQL expression. `${namespace}`, `${name}`, `${kind}` and `${label:KEY}` (a label of the
    /// Pod template, or else of the object) stand for values inside its quotes; `${pods}`, behind
    /// `=~`, for the names of the workload's Pods. Every series of the answer must keep the bounds.
    pub query: Option<String>,
    /// Requests per second, from a counter.
    pub request_rate: Option<RequestRate>,
    /// Failed requests in proportion to all, 0 to 1, from a counter.
    pub error_ratio: Option<ErrorRatio>,
    /// Seconds that all but the slowest requests stay below, from a classic histogram.
    pub latency: Option<Latency>,
    /// The least value that is good.
    pub min: Option<f64>,
    /// The greatest value that is good.
    pub max: Option<f64>,
    /// Hold the bounds against every point of the last minutes, such as `10m`, instead of the
    /// value now. A point without data counts as no data, and excuses no other point.
    pub over: Option<String>,
    /// The distance between two points of `over`; a twentieth of it unless set.
    pub step: Option<String>,
    /// For `query`: a PromQL expression whose value is the Unix time of the newest sample, such as
    /// `max(timestamp(up{namespace="${namespace}"}))`. Prometheus stamps its answers with the time
    /// of the question, so the query alone cannot tell. The ready-made checks ask for it themselves.
    pub freshness: Option<String>,
    /// The name of the `MetricSource` to ask.
    pub source: Option<String>,
    /// How old the newest sample may be, such as `2m`.
    pub max_age: Option<String>,
    /// What a value out of bounds asks for.
    pub breach: Option<Severity>,
    /// What it means when there is no proper value; what is absent is as in the settings' own.
    #[serde(default)]
    pub answers: AnswerSettings,
}

/// What it means when there is no proper value. Nothing here has a default: each is said in the
/// check or in the settings as a whole.
///
/// A source that is unknown or not granted, and a query that the source refuses, are mistakes of
/// the configuration: with these the policy fails, whatever `error` says.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AnswerSettings {
    /// The query answered, but with no series.
    pub no_data: Option<Answer>,
    /// A value is not a number: most often a ratio of zero to zero.
    pub nan: Option<Answer>,
    /// The newest sample is older than `maxAge`. With `allow`, no `maxAge` is needed.
    pub stale: Option<Answer>,
    /// The query was not answered: a timeout, a source that is down, an answer that is too large.
    pub error: Option<Answer>,
}

/// Requests per second.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RequestRate {
    /// A counter of requests, such as `http_requests_total`.
    pub metric: String,
    /// Label matchers that pick the workload's series, as in a query. Unless set, the namespace and
    /// the names that the workload's Pods have.
    pub matchers: Option<String>,
    /// The time that the rate is taken over; `5m` unless set.
    pub window: Option<String>,
}

/// Failed requests in proportion to all.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ErrorRatio {
    /// A counter of requests, such as `http_requests_total`.
    pub metric: String,
    /// The label that tells how a request ended; `code` unless set. Series without it are no
    /// requests, so that a misspelled label is no data and not an error ratio of zero.
    pub label: Option<String>,
    /// A regular expression for that label's values that are errors; `5..` unless set.
    pub errors: Option<String>,
    /// Label matchers that pick the workload's series, as in a query. Unless set, the namespace and
    /// the names that the workload's Pods have.
    pub matchers: Option<String>,
    /// The time that the rates are taken over; `5m` unless set.
    pub window: Option<String>,
}

/// A quantile of how long requests take.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Latency {
    /// A classic histogram, such as `http_request_duration_seconds`; its `_bucket` series are read.
    pub metric: String,
    /// The quantile, above 0 and below 1, such as `0.99`.
    pub quantile: f64,
    /// Label matchers that pick the workload's series, as in a query. Unless set, the namespace and
    /// the names that the workload's Pods have.
    pub matchers: Option<String>,
    /// The time that the rates are taken over; `5m` unless set.
    pub window: Option<String>,
}
