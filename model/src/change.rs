//! What kind of change a request is.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The class of a change; how each is told stands at `classify`.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// A workload that was not there before.
    Create,
    /// The same template, started anew.
    Restart,
    /// Back to a template that was there before the present one.
    Rollback,
    /// Any other new template.
    RollForward,
    /// A template that waited goes on.
    Resume,
    /// Traffic moves to other Pods.
    Release,
    /// Another number of replicas.
    Scale,
    /// The workload goes away.
    Delete,
}

impl Change {
    /// All classes, in the order in which they are tried.
    pub const ALL: [Self; 8] = [
        Self::Create,
        Self::Restart,
        Self::Rollback,
        Self::RollForward,
        Self::Resume,
        Self::Release,
        Self::Scale,
        Self::Delete,
    ];

    /// What a policy matches that does not say otherwise: a rollback is never blocked by default.
    pub const DEFAULT_MATCH: [Self; 4] =
        [Self::Create, Self::RollForward, Self::Resume, Self::Release];

    /// The word of the contract, such as `roll-forward`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Restart => "restart",
            Self::Rollback => "rollback",
            Self::RollForward => "roll-forward",
            Self::Resume => "resume",
            Self::Release => "release",
            Self::Scale => "scale",
            Self::Delete => "delete",
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that names no class of change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no change; known are create, restart, rollback, roll-forward, resume, release, scale and delete"
)]
pub struct UnknownChange(pub String);

impl FromStr for Change {
    type Err = UnknownChange;

    fn from_str(word: &str) -> Result<Self, UnknownChange> {
        Self::ALL
            .into_iter()
            .find(|change| change.as_str() == word)
            .ok_or_else(|| UnknownChange(word.to_owned()))
    }
}
