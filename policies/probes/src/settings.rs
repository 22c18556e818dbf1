//! The settings of the policy.

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
    pub exceptions: Vec<Exception>,
    /// The limits of some rules.
    pub limits: Limits,
    /// How findings count that the workload had before the change: `warn` allows a fix of an
    /// imperfect workload, `deny` counts them like new ones, `ignore` leaves them out.
    pub existing: Existing,
}

/// Containers that are exempt from rules.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Exception {
    /// The container's name; with a `*` at its end, all names with this prefix.
    pub container: String,
    /// The rules that do not apply; all rules where none is named.
    #[serde(default)]
    pub rules: Vec<Rule>,
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
            let mut exceptions = problems.at("exceptions");
            for (index, exception) in self.exceptions.iter().enumerate() {
                let mut problems = exceptions.at(index);
                problems.at("container").keep(exception.check());
            }
            self.limits.check(&mut problems.at("limits"));
            Some(())
        })
    }

    /// Returns the level of a rule for the container with this name.
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

impl Exception {
    /// Whether the name can match a container, and not all of them by mistake.
    fn check(&self) -> Result<(), String> {
        let (name, ends_open) = match self.container.strip_suffix('*') {
            Some(beginning) => (beginning, true),
            None => (self.container.as_str(), false),
        };
        let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let is_label = name.len() <= 63 && name.chars().all(letter) && !name.starts_with('-');
        match (name, ends_open) {
            ("", false) => Err("is empty; write the container's name".to_owned()),
            ("", true) if self.rules.is_empty() => Err(
                "`*` without `rules` leaves every container alone, so that the policy would find \
                 nothing; name the rules, or a container"
                    .to_owned(),
            ),
            _ if !is_label => Err(format!(
                "no container can be named `{}`; write small letters, digits and `-`, with a `*` at \
                 the end for all names that begin so",
                self.container
            )),
            _ => Ok(()),
        }
    }

    fn covers(&self, rule: Rule, container: &str) -> bool {
        let named = match self.container.strip_suffix('*') {
            Some(beginning) => container.starts_with(beginning),
            None => container == self.container,
        };
        named && (self.rules.is_empty() || self.rules.contains(&rule))
    }
}
