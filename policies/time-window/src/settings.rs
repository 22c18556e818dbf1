//! The settings as an operator writes them. [`Schedule`](crate::schedule::Schedule) is what they
//! mean.

use rollgate_sdk::time::WeeklySettings;
use schemars::JsonSchema;
use serde::Deserialize;

/// When rollouts may go. A freeze (`deny`) wins over every `allow` window.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    /// The IANA time zone that every local time below is in, such as `Europe/Berlin`.
    pub time_zone: String,
    /// Rollouts may go while at least one of these is open. Without any, they may always go unless
    /// a freeze is in force.
    #[serde(default)]
    pub allow: Vec<Window>,
    /// Freezes: no rollout goes while one of these is in force.
    #[serde(default)]
    pub deny: Vec<Window>,
}

/// A stretch of time that may recur: exactly one of `weekly`, `cron`, `span` and `yearly`.
///
/// Every window includes its start and excludes its end. Where the clocks go forward and skip an
/// edge, the edge is the instant of the change. Where they go back and an edge is shown twice, the
/// first counts, except that a freeze lasts until the second.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("oneOf" = [
    {"required": ["weekly"]}, {"required": ["cron"]}, {"required": ["span"]}, {"required": ["yearly"]}
]))]
pub struct Window {
    /// Why this window is there; shown to everyone it holds up.
    #[serde(default)]
    pub reason: Option<String>,
    /// Days of the week with a time of day.
    #[serde(default)]
    pub weekly: Option<WeeklySettings>,
    /// A cron expression for the starts, and how long each lasts.
    #[serde(default)]
    pub cron: Option<CronSettings>,
    /// One stretch of time, once.
    #[serde(default)]
    pub span: Option<SpanSettings>,
    /// Whole days, every year.
    #[serde(default)]
    pub yearly: Option<YearlySettings>,
}

/// A window that starts by a cron expression and lasts a fixed time.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CronSettings {
    /// Five fields in local time: minute, hour, day of the month, month, day of the week. Where the
    /// clocks go back and a start is shown twice, the window starts twice.
    pub schedule: String,
    /// How long it lasts, in elapsed time: `8h`, `1h 30m`, `45m`. At most 8784 hours (366 days).
    pub duration: String,
}

/// One stretch of time. Without `start` it has always been so, without `end` it stays so.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SpanSettings {
    /// When it begins: local (`2026-12-24T18:00`) or with an offset (`2026-12-24T18:00:00+01:00`).
    #[serde(default)]
    pub start: Option<String>,
    /// When it is over, written like `start`.
    #[serde(default)]
    pub end: Option<String>,
}

/// Whole days of every year, both named days included.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct YearlySettings {
    /// The first day, `MM-DD`. `02-29` is March 1 in a year without it.
    pub from: String,
    /// The last day, `MM-DD`, included; before `from` it is in the next year. `02-29` means the
    /// end of February.
    pub to: String,
}
