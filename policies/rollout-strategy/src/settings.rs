//! The settings of the policy.

use rollgate_sdk::{Existing, SettingsError};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::rules::Levels;

/// Settings of the `rollout-strategy` policy. Everything has a default; `{}` is a good start.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    /// The level of each rule: `deny`, `warn`, `info` or `ignore`.
    pub rules: Levels,
    /// The limits of some rules.
    pub limits: Limits,
    /// How findings count that the workload had before the change: `warn` allows a fix of an
    /// imperfect workload, `deny` counts them like new ones, `ignore` leaves them out.
    pub existing: Existing,
}

/// The limits of some rules.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Limits {
    /// The fewest replicas of a workload that a Service sends traffic to.
    pub min_replicas: i32,
    /// The share of the Pods that stays during a rollout, in percent.
    pub stay_percent: i32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            min_replicas: 2,
            stay_percent: 50,
        }
    }
}

impl Settings {
    /// Reports limits that nothing can break, or everything does.
    ///
    /// # Errors
    ///
    /// All such mistakes.
    pub fn check(&self) -> Result<(), SettingsError> {
        SettingsError::collect(|problems| {
            let mut problems = problems.at("limits");
            let Limits {
                min_replicas,
                stay_percent,
            } = self.limits;
            if min_replicas < 2 {
                problems.at("minReplicas").refuse::<()>(
                    "every workload has one replica; write 2 or more, or set `replicas-too-few: \
                     ignore` under `rules`",
                );
            }
            if !(1..=100).contains(&stay_percent) {
                problems.at("stayPercent").refuse::<()>(
                    "write a percentage from 1 to 100, or set `few-pods-stay: ignore` under `rules`",
                );
            }
            Some(())
        })
    }
}
