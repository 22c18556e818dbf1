//! The settings of the policy.

use rollgate_sdk::SettingsError;
use rollgate_sdk::rules::Levels;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::rules::Rule;

/// Settings of the `one-thing-at-a-time` policy. Everything has a default; `{}` is a good start.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    /// The level of the rule: `deny`, `warn`, `info` or `ignore`.
    pub rules: Levels<Rule>,
    /// The things that count; all by default.
    pub things: Vec<Thing>,
    /// Things that may change in one rollout, each list by itself, such as `[image, configuration]`.
    pub together: Vec<Vec<Thing>>,
}

/// A thing that a rollout may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Thing {
    /// The images: another one, or a container more or less.
    Image,
    /// Commands, arguments, variables, and the ConfigMaps and Secrets that are mounted.
    Configuration,
    /// The number of replicas.
    Replicas,
    /// How Pods are replaced.
    Strategy,
}

impl Thing {
    /// All things, in the order in which messages list them.
    pub(crate) const ALL: [Self; 4] = [
        Self::Image,
        Self::Configuration,
        Self::Replicas,
        Self::Strategy,
    ];

    /// Returns the word of the settings.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Configuration => "configuration",
            Self::Replicas => "replicas",
            Self::Strategy => "strategy",
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            rules: Levels::default(),
            things: Thing::ALL.to_vec(),
            together: Vec::new(),
        }
    }
}

impl Settings {
    /// Reports settings with which the policy would find nothing.
    ///
    /// # Errors
    /// Fewer than two things count, or a list allows them all.
    pub(crate) fn check(&self) -> Result<(), SettingsError> {
        SettingsError::collect(|problems| {
            let counted = Thing::ALL
                .iter()
                .filter(|thing| self.things.contains(thing));
            if counted.count() < 2 {
                problems.at("things").refuse::<()>(
                    "with fewer than two things nothing would be found; name two or more of image, \
                     configuration, replicas and strategy",
                );
            }
            let mut together = problems.at("together");
            for (index, list) in self.together.iter().enumerate() {
                if self.things.iter().all(|thing| list.contains(thing)) {
                    together.at(index).refuse::<()>(
                        "allows everything that counts, so that nothing would be found; leave one \
                         of the things out",
                    );
                }
            }
            Some(())
        })
    }

    /// Whether these things may change in one rollout.
    pub(crate) fn allow(&self, changed: &[Thing]) -> bool {
        let mut lists = self.together.iter();
        changed.len() < 2 || lists.any(|list| changed.iter().all(|thing| list.contains(thing)))
    }
}
