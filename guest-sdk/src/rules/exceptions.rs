//! Containers that are exempt from rules.

use super::Rules;
use crate::Problems;
use schemars::JsonSchema;
use serde::Deserialize;

/// Containers that are exempt from some or all rules.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Exceptions<R>(Vec<Exception<R>>);

/// Containers that are exempt from rules.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, bound(deserialize = "R: Deserialize<'de>"))]
pub struct Exception<R> {
    /// The container's name; with a `*` at its end, all names with this prefix.
    pub container: String,
    /// The rules that do not apply; all rules where none is named.
    #[serde(default)]
    pub rules: Vec<R>,
}

impl<R> Default for Exceptions<R> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<R: Rules> Exceptions<R> {
    /// Reports names that match no container, or every container by mistake.
    pub fn check(&self, problems: &mut Problems<'_>) {
        for (index, exception) in self.0.iter().enumerate() {
            problems
                .at(index)
                .at("container")
                .keep(exception.check_name());
        }
    }

    /// Whether the rule does not apply to the container with this name.
    #[must_use]
    pub fn cover(&self, rule: R, container: &str) -> bool {
        self.0.iter().any(|exception| {
            let named = match exception.container.strip_suffix('*') {
                Some(beginning) => container.starts_with(beginning),
                None => container == exception.container,
            };
            named && (exception.rules.is_empty() || exception.rules.contains(&rule))
        })
    }
}

impl<R> Exception<R> {
    /// Whether the name can match a container, and not all of them by mistake.
    fn check_name(&self) -> Result<(), String> {
        let container = self.container.as_str();
        let (name, ends_open) = match container.strip_suffix('*') {
            Some(beginning) => (beginning, true),
            None => (container, false),
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
                "no container can be named `{container}`; write small letters, digits and `-`, with a \
             `*` at the end for all names that begin so"
            )),
            _ => Ok(()),
        }
    }
}
