//! The settings of the policy.

use rollgate_sdk::rules::Exceptions;
use rollgate_sdk::{Existing, Problems, SettingsError};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::rules::{Level, Levels, Rule};

/// Settings of the `probes` policy. Everything has a default; `{}` is a good start.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    /// The level of each rule: `deny`, `warn`, `info` or `ignore`.
    pub rules: Levels,
    /// Containers that are exempt from some or all rules.
    pub exceptions: Exceptions<Rule>,
    /// The limits of some rules.
    pub limits: Limits,
    /// How findings count that the workload had before the change: `warn` allows a fix of an
    /// imperfect workload, `deny` counts them like new ones, `ignore` leaves them out.
    pub existing: Existing,
}

/// The limits of some rules.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Limits {
    /// The longest initialDelaySeconds that needs no startupProbe, in seconds.
    pub initial_delay_seconds: u32,
    /// The shortest period of a probe that runs any command, in seconds.
    pub exec_period_seconds: u32,
    /// The shortest period of a probe that starts an interpreter or a virtual machine, in seconds.
    pub heavy_exec_period_seconds: u32,
    /// More programs that are as expensive to start as an interpreter, by file name without folder.
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
    /// Reports what the types cannot express: names that match nothing, or everything by mistake,
    /// and limits that nothing can break.
    ///
    /// # Errors
    ///
    /// All such mistakes.
    pub fn check(&self) -> Result<(), SettingsError> {
        SettingsError::collect(|problems| {
            self.exceptions.check(&mut problems.at("exceptions"));
            self.limits.check(&mut problems.at("limits"));
            Some(())
        })
    }

    /// Returns the level of a rule for the container with this name.
    #[must_use]
    pub fn level(&self, rule: Rule, container: &str) -> Level {
        if self.exceptions.cover(rule, container) {
            return Level::Ignore;
        }
        self.rules.of(rule)
    }
}

impl Limits {
    fn check(&self, problems: &mut Problems<'_>) {
        let (any, heavy) = (self.exec_period_seconds, self.heavy_exec_period_seconds);
        // A period is at least a second.
        if any <= 1 && heavy <= 1 {
            problems.at("heavyExecPeriodSeconds").refuse::<()>(
                "no probe has a period below a second, so that `exec-too-often` would find \
                     nothing; write 2 or more, or set `exec-too-often: ignore` under `rules`",
            );
        }
        let mut commands = problems.at("heavyCommands");
        for (index, command) in self.heavy_commands.iter().enumerate() {
            commands.at(index).keep(file_name(command));
        }
    }
}

fn file_name(command: &str) -> Result<(), String> {
    let is_name = !command.is_empty() && !command.contains(['/', ' ', '*']);
    is_name.then_some(()).ok_or_else(|| {
        format!(
            "`{command}` is no file name; write the program without its folder and arguments, such \
             as my-check"
        )
    })
}
