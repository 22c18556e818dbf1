//! The classes of changes.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The class of a change, as [`Request::classify`](crate::Request::classify) determines it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// A workload is created.
    Create,
    /// The Pods are replaced by others with the same template.
    Restart,
    /// The template is replaced by an earlier one.
    Rollback,
    /// The template is replaced by another one that is not an earlier one.
    RollForward,
    /// A pending template rolls out, such as that of a paused workload.
    Resume,
    /// Traffic moves to other Pods.
    Release,
    /// The number of replicas changes.
    Scale,
    /// The workload is deleted.
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

    /// The classes that a policy matches by default: a rollback is never blocked unless a policy
    /// names it.
    pub const DEFAULT_MATCH: [Self; 4] =
        [Self::Create, Self::RollForward, Self::Resume, Self::Release];

    /// The classes that a change of the Pod template can have.
    pub const OF_TEMPLATE: [Self; 3] = [Self::Restart, Self::Rollback, Self::RollForward];

    /// Returns the word of the contract, such as `roll-forward`.
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

/// The error for a word that is no class of change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a class of change: expected create, restart, rollback, roll-forward, resume, release, scale or delete"
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
