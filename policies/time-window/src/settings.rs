//! The settings as an operator writes them; parsed into a [`Schedule`](crate::schedule::Schedule).

use rollgate_sdk::time::WeeklySettings;
use schemars::JsonSchema;
use serde::Deserialize;

/// When rollouts are allowed. A freeze (`deny`) wins over every `allow` window.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    /// The IANA time zone of all local times below, such as `Europe/Berlin`.
    pub time_zone: String,
    /// Rollouts are allowed while at least one of these windows is open. Without any, they are
    /// allowed unless a freeze is active.
    #[serde(default)]
    pub allow: Vec<Window>,
    /// Freezes: rollouts are blocked while one of these is active.
    #[serde(default)]
    pub deny: Vec<Window>,
}

/// A window that may recur: exactly one of `weekly`, `cron`, `span` and `yearly`.
///
/// Every window includes its start and excludes its end. Where the clocks go forward and skip an
/// edge, the edge is the instant of the change. Where they go back and show an edge twice, the
/// first one counts, except that a freeze lasts until the second.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("oneOf" = [
    {"required": ["weekly"]}, {"required": ["cron"]}, {"required": ["span"]}, {"required": ["yearly"]}
]))]
pub struct Window {
    /// The reason for this window, which is shown to everyone whom it blocks.
    #[serde(default)]
    pub reason: Option<String>,
    /// Days of the week with a time of day.
    #[serde(default)]
    pub weekly: Option<WeeklySettings>,
    /// A cron expression for the starts, and the duration of each occurrence.
    #[serde(default)]
    pub cron: Option<CronSettings>,
    /// A period that does not recur.
    #[serde(default)]
    pub span: Option<SpanSettings>,
    /// Whole days, every year.
    #[serde(default)]
    pub yearly: Option<YearlySettings>,
}

/// A window that starts by a cron expression and has a fixed duration.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CronSettings {
    /// Five fields in local time: minute, hour, day of the month, month, day of the week. `SAT#3` is the
    /// third Saturday of the month, `FRI#L` the last Friday. Where the clocks go back and show a
    /// start twice, the window starts twice.
    pub schedule: String,
    /// The duration in elapsed time: `8h`, `1h 30m`, `45m`. At most 8784 hours (366 days).
    pub duration: String,
}

/// A period that does not recur. Without `start` it has no beginning, without `end` no end.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SpanSettings {
    /// When it begins: local (`2026-12-24T18:00`) or with an offset (`2026-12-24T18:00:00+01:00`).
    #[serde(default)]
    pub start: Option<String>,
    /// When it ends, in the same syntax as `start`.
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
