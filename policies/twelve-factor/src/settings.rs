//! The settings of the policy.

use rollgate_sdk::rules::{Exceptions, Levels};
use rollgate_sdk::{Existing, SettingsError};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::rules::Rule;

/// Settings of the `twelve-factor` policy. Everything has a default; `{}` is a good start.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    /// The level of each rule: `deny`, `warn`, `info` or `ignore`.
    pub rules: Levels<Rule>,
    /// Containers that are exempt from some or all rules.
    pub exceptions: Exceptions<Rule>,
    /// Variables that are no secrets, although their names or values look so.
    pub not_secret: Vec<String>,
    /// Variables that `config-in-manifest` leaves in the manifest, such as `TZ`.
    pub literal_variables: Vec<String>,
    /// How findings count that the workload had before the change: `warn` allows a fix of an
    /// imperfect workload, `deny` counts them like new ones, `ignore` leaves them out.
    pub existing: Existing,
}

impl Settings {
    /// Reports what the types cannot express.
    ///
    /// # Errors
    /// Names that no variable can have.
    pub(crate) fn check(&self) -> Result<(), SettingsError> {
        SettingsError::collect(|problems| {
            self.exceptions.check(&mut problems.at("exceptions"));
            for (field, names) in [
                ("notSecret", &self.not_secret),
                ("literalVariables", &self.literal_variables),
            ] {
                let mut problems = problems.at(field);
                for (index, name) in names.iter().enumerate() {
                    if name.is_empty() || name.contains(['=', '*']) {
                        problems.at(index).refuse::<()>(
                            "is no name of a variable; write the whole name, such as TZ",
                        );
                    }
                }
            }
            Some(())
        })
    }
}
