//! The settings as an operator writes them.

use rollgate_sdk::Severity;
use rollgate_sdk::threshold::Answer;
use schemars::JsonSchema;
use serde::Deserialize;

/// Objectives whose error budget must not burn when a rollout starts.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    /// The name of the `MetricSource` to query.
    pub source: String,
    /// The objectives; at least one.
    pub slos: Vec<SloSettings>,
    /// Pairs of windows, each with the burn rate from which both must burn. By default 14.4 over 1h
    /// and 5m, and 6 over 6h and 30m.
    #[serde(default)]
    pub windows: Vec<WindowSettings>,
    /// What happens while the budget burns; `hold` by default.
    pub breach: Option<Severity>,
    /// What happens when there is no value.
    #[serde(default)]
    pub answers: AnswerSettings,
    /// How long after the rollout of the running version a roll-forward may pass, if the budget
    /// burns only since that rollout, such as `6h` (the default); `never` switches this off.
    pub fix_forward: Option<String>,
}

/// An objective, with exactly one of `ratio`, `sloth` and `pyrra`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SloSettings {
    /// The name that people see, such as `availability`: lowercase letters, digits and `-`.
    pub name: String,
    /// The objective in percent, such as `99.9`.
    pub objective: f64,
    /// Queries for the ratio of errors.
    pub ratio: Option<Ratio>,
    /// The series that Sloth's rules record.
    pub sloth: Option<Sloth>,
    /// The series that Pyrra's rules record.
    pub pyrra: Option<Pyrra>,
}

/// Queries for the ratio of errors: `total`, and either `errors` or `good`. Each returns one series
/// without labels, such as `sum(rate(http_requests_total{namespace="${namespace}"}[${window}]))`.
/// `${window}` is the window; the other variables are those of `metrics-threshold`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Ratio {
    /// The rate of failed requests.
    pub errors: Option<String>,
    /// The rate of good requests.
    pub good: Option<String>,
    /// The rate of all requests.
    pub total: String,
}

/// The series `slo:sli_error:ratio_rateWINDOW` of Sloth.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sloth {
    /// The label `sloth_service`; may have variables such as `${name}`.
    pub service: String,
    /// The label `sloth_slo`.
    pub slo: String,
}

/// The series `METRIC:burnrateWINDOW` of Pyrra.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Pyrra {
    /// The metric of the total, such as `http_requests_total`.
    pub metric: String,
    /// The label `slo`: the name of the ServiceLevelObjective; may have variables such as `${name}`.
    pub slo: String,
}

/// A long and a short window: the budget burns if both have at least this burn rate. The short one
/// shows that it still does.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WindowSettings {
    /// The long window, such as `1h`.
    pub long: String,
    /// The short window, such as `5m`.
    pub short: String,
    /// How many times faster than allowed the budget is used up.
    pub burn_rate: f64,
}

/// What happens when there is no value.
///
/// A source that is unknown or not granted, and a query that the source refuses, are mistakes of
/// the configuration: the policy then fails, whatever `error` says.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AnswerSettings {
    /// The query returns no series; `hold` by default.
    pub no_data: Option<Answer>,
    /// The ratio is NaN: there were no requests. `hold` by default.
    pub nan: Option<Answer>,
    /// The query fails: a timeout, a source that is down. `fail` by default.
    pub error: Option<Answer>,
}
