//! The settings of the policy.

use rollgate_sdk::rules::{Exceptions, Levels};
use rollgate_sdk::{Existing, SettingsError};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::rules::Rule;

/// Settings of the `graceful-shutdown` policy. Everything has a default; `{}` is a good start.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    /// The level of each rule: `deny`, `warn`, `info` or `ignore`.
    pub rules: Levels<Rule>,
    /// Containers that are exempt from some or all rules.
    pub exceptions: Exceptions<Rule>,
    /// How long a container needs after SIGTERM to finish what it has begun, in seconds.
    pub drain_seconds: u32,
    /// How findings count that the workload had before the change: `warn` allows a fix of an
    /// imperfect workload, `deny` counts them like new ones, `ignore` leaves them out.
    pub existing: Existing,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            rules: Levels::default(),
            exceptions: Exceptions::default(),
            drain_seconds: 5,
            existing: Existing::default(),
        }
    }
}

impl Settings {
    /// Reports what the types cannot express.
    ///
    /// # Errors
    /// Exceptions for names that no container can have.
    pub(crate) fn check(&self) -> Result<(), SettingsError> {
        SettingsError::collect(|problems| {
            self.exceptions.check(&mut problems.at("exceptions"));
            Some(())
        })
    }
}
