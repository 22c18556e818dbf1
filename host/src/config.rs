//! Policies and metric sources as people write them, and the immutable set that rollouts are held
//! against.
//!
//! [`read`] takes files and folders apart and says what is wrong with them, at a line; [`load`]
//! turns what was read into a [`PolicySet`]. One schema ([`wire`]) serves the file and the cluster.

mod compile;
mod files;
mod matching;
mod metrics;
mod name;
mod problem;
mod quantity;
mod read;
mod selector;
pub mod wire;

use crate::engine::LoadedPolicy;
use rollgate_model::Rollout;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use compile::{ModuleSource, PolicySource};
pub use files::is_configuration;
pub use matching::Match;
pub use metrics::metrics;
pub use name::PolicyName;
pub use problem::{Problem, Spot};
pub use read::{Configuration, PolicyItem, SourceItem, read, read_text};
pub use selector::{Requirement, Selector};

/// Every policy in force. Never changed: a reload builds another one and swaps it whole.
#[derive(Debug, Default)]
pub struct PolicySet {
    policies: Vec<Policy>,
}

impl PolicySet {
    /// A set of these policies, in the order in which they answer.
    #[must_use]
    pub fn new(policies: Vec<Policy>) -> Self {
        Self { policies }
    }

    /// All policies, those that failed to load included.
    #[must_use]
    pub fn policies(&self) -> &[Policy] {
        &self.policies
    }

    /// The policies that judge this rollout.
    pub fn matching<'a>(&'a self, rollout: &'a Rollout) -> impl Iterator<Item = &'a Policy> {
        self.policies
            .iter()
            .filter(|policy| policy.matches.holds(rollout))
    }
}

/// A configured instance of a module.
#[derive(Debug)]
pub struct Policy {
    /// What people call it.
    pub name: PolicyName,
    /// Which rollouts it judges.
    pub matches: Match,
    /// What becomes of a denial or a hold.
    pub action: Action,
    /// What becomes of a failure.
    pub on_error: OnError,
    /// Whether it can judge at all.
    pub state: State,
}

/// Whether a policy can judge.
#[derive(Debug)]
pub enum State {
    /// It is loaded.
    Ready(Box<LoadedPolicy>),
    /// Its module or settings do not load: it stays in force and fails each time, so that its
    /// match and `onError` apply. There is no last good version.
    Refused(String),
}

/// What becomes of a denial or a hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Action {
    /// It is the answer.
    #[default]
    Enforce,
    /// It becomes a warning.
    Warn,
    /// It is only recorded.
    Audit,
}

/// What becomes of a policy's failure: a trap, a deadline, a source that does not answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum OnError {
    /// The rollout is denied.
    #[default]
    Deny,
    /// The rollout may go; the failure is recorded.
    Allow,
}
