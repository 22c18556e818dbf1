//! The settings of the policy.

use rollgate_sdk::Existing;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::rules::Levels;

/// Settings of the `availability` policy. Everything has a default; `{}` is a good start.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    /// The level of each rule: `deny`, `warn`, `info` or `ignore`.
    pub rules: Levels,
    /// How findings count that the workload had before the change: `warn` allows a fix of an
    /// imperfect workload, `deny` counts them like new ones, `ignore` leaves them out.
    pub existing: Existing,
}
