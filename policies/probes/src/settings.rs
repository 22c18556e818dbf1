//! What an operator can set.

use rollgate_sdk::{Existing, SettingsError};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::rules::{Level, Levels, Rule};

/// Settings of the `probes` policy. Everything has a default; `{}` is a sound start.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    /// What each rule does with what it finds: `deny`, `warn`, `info` or `ignore`.
    pub rules: Levels,
    /// Containers that some rules, or all, leave alone.
    pub exceptions: Vec<Exception>,
    /// The numbers that some rules compare with.
    pub limits: Limits,
    /// What becomes of findings that the old object has too: `warn` lets a fix of an imperfect
    /// workload through, `deny` counts them like new ones, `ignore` leaves them out.
    pub existing: Existing,
}

/// Containers that some rules leave alone.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Exception {
    /// The container's name; with a `*` at its end, all names that begin so.
    pub container: String,
    /// The rules that leave it alone; all rules where none is named.
    #[serde(default)]
    pub rules: Vec<Rule>,
}

/// The numbers that some rules compare with.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Limits {
    /// The longest initialDelaySeconds that needs no startupProbe, in seconds.
    pub initial_delay_seconds: u32,
    /// The shortest period of a probe that runs any command, in seconds.
    pub exec_period_seconds: u32,
    /// The shortest period of a probe that starts an interpreter or a virtual machine, in seconds.
    pub heavy_exec_period_seconds: u32,
    /// Further programs that are as heavy as an interpreter, by file name without folder.
    pub heavy_commands: Vec<String>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            initial_delay_seconds: 30,
            exec_period_seconds: 2,
            heavy_exec_period_seconds: 10,
            heavy_commands: Vec::new(),
        }
    }
}

impl Settings {
    /// Finds what the types cannot: names that match nothing, or everything by mistake.
    ///
    /// # Errors
    ///
    /// Every such name.
    pub fn check(&self) -> Result<(), SettingsError> {
        let mut problems = Vec::new();
        for (index, exception) in self.exceptions.iter().enumerate() {
            if exception.container.is_empty() {
                problems.push((
                    format!("/exceptions/{index}/container"),
                    "the container's name is empty; write its name, or `*` for all".to_owned(),
                ));
            }
        }
        for (index, command) in self.limits.heavy_commands.iter().enumerate() {
            if command.is_empty() || command.contains('/') {
                problems.push((
                    format!("/limits/heavyCommands/{index}"),
                    format!("`{command}` is no file name; write the program without its folder"),
                ));
            }
        }
        SettingsError::none_of(problems)
    }

    /// What a rule does with what it finds in the container of this name.
    #[must_use]
    pub fn level(&self, rule: Rule, container: &str) -> Level {
        if self
            .exceptions
            .iter()
            .any(|exception| exception.covers(rule, container))
        {
            return Level::Ignore;
        }
        self.rules.of(rule)
    }
}

impl Exception {
    fn covers(&self, rule: Rule, container: &str) -> bool {
        let named = match self.container.strip_suffix('*') {
            Some(beginning) => container.starts_with(beginning),
            None => container == self.container,
        };
        named && (self.rules.is_empty() || self.rules.contains(&rule))
    }
}
