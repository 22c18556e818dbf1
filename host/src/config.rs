//! Policies and metric sources as people write them, and the immutable set that rollouts are held
//! against.
//!
//! [`read`] takes files and folders apart and says what is wrong with them, at a line; [`load`]
//! turns what was read into a [`PolicySet`]. One schema ([`wire`]) serves the file and the cluster.

pub mod builtin;
mod compile;
mod configuration;
mod contents;
mod files;
mod load;
mod matching;
mod metrics;
mod module;
mod name;
mod object;
mod path;
mod place;
mod problem;
mod quantity;
mod read;
mod selector;
mod walk;
pub mod wire;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use rollgate_model::Change;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::engine::LoadedPolicy;

pub use compile::PolicySource;
pub use configuration::{BrokenSource, Configuration, PolicyItem, RefusedItem, SourceItem};
pub use load::load;
pub use matching::{Candidate, Match, Matching, NamespaceLabels};
pub use metrics::{SourceState, metrics};
pub use module::{ModuleError, ModuleSource};
pub use name::PolicyName;
pub use object::{Head, Misread, Modules, read_policy, read_source};
pub use path::json_path;
pub use place::Place;
pub use problem::{Problem, Spot, missing};
pub use read::{read, read_text};
pub use selector::{Requirement, Selector};
pub use walk::{Fault, Reach, Walk};

/// Every policy in force. Never changed: a reload builds another one and swaps it whole.
#[derive(Debug, Default)]
pub struct PolicySet {
    policies: Vec<Policy>,
    rights: Rights,
}

/// Whether the host may read all that is granted to policies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Rights {
    #[default]
    Sufficient,
    Awaited,
}

impl PolicySet {
    /// A set of these policies, in the order in which they answer.
    #[must_use]
    pub fn new(policies: Vec<Policy>) -> Self {
        Self {
            policies,
            rights: Rights::Sufficient,
        }
    }

    /// The same set, with policies that are refused only because the host lacks a right.
    pub(crate) fn awaiting_rights(self) -> Self {
        Self {
            rights: Rights::Awaited,
            ..self
        }
    }

    /// Whether loading the same policies again may do better, since the host may be given a right
    /// that one of them needs, or the cluster a kind.
    #[must_use]
    pub fn awaits_rights(&self) -> bool {
        self.rights == Rights::Awaited
    }

    /// All policies, those that failed to load included.
    #[must_use]
    pub fn policies(&self) -> &[Policy] {
        &self.policies
    }

    /// The policies that can judge whose loaded form is not the one that they have in an earlier set.
    pub fn prepared_since<'a>(&'a self, earlier: &'a Self) -> impl Iterator<Item = &'a PolicyName> {
        let earlier = earlier.loaded();
        self.loaded().into_iter().filter_map(move |(name, loaded)| {
            let kept = earlier
                .get(name)
                .is_some_and(|earlier| Arc::ptr_eq(earlier, loaded));
            (!kept).then_some(name)
        })
    }

    /// The loaded form of each policy that can judge.
    fn loaded(&self) -> HashMap<&PolicyName, &Arc<LoadedPolicy>> {
        let ready = self
            .policies
            .iter()
            .filter_map(|policy| match &policy.state {
                State::Ready(loaded) => Some((&policy.name, loaded)),
                State::Refused(_) => None,
            });
        ready.collect()
    }

    /// The policies that judge a change, each with what it judges it as.
    pub fn matching<'a>(
        &'a self,
        candidate: Candidate<'a>,
    ) -> impl Iterator<Item = (&'a Policy, Matching)> {
        self.policies.iter().filter_map(move |policy| {
            let matching = policy.matches.matching(candidate);
            (matching != Matching::No).then_some((policy, matching))
        })
    }

    /// Whether it takes the labels of a namespace to say which policies judge a change there.
    #[must_use]
    pub fn selects_namespaces(&self) -> bool {
        let mut policies = self.policies.iter();
        policies.any(|policy| policy.matches.selects_namespaces())
    }

    /// The policies that could stand in the way of a rollback of what is rolled out.
    #[must_use]
    pub fn judging_rollbacks_of(&self, candidate: Candidate<'_>) -> Vec<PolicyName> {
        let rollback = Candidate {
            change: Some(Change::Rollback),
            ..candidate
        };
        self.matching(rollback)
            .filter(|(policy, matching)| {
                policy.action == Action::Enforce && *matching == Matching::AsClassified
            })
            .map(|(policy, _)| policy.name.clone())
            .collect()
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
    /// The generation of the object that it was made of, where it came from the cluster.
    pub generation: Option<i64>,
}

/// Whether a policy can judge.
pub enum State {
    /// Loaded and configured; the next set shares this form where nothing that goes into it changed.
    Ready(Arc<LoadedPolicy>),
    /// Its module or settings do not load: it stays in force and fails each time, so that its
    /// match and `onError` apply. There is no last good version.
    Refused(Refusal),
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready(policy) => f.debug_tuple("Ready").field(policy.description()).finish(),
            Self::Refused(refusal) => f.debug_tuple("Refused").field(refusal).finish(),
        }
    }
}

/// Why a policy cannot judge. On one line, for answers and logs, by its `Display`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What is wrong, at the lines of its file.
    pub problems: Vec<Problem>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{problem}")?;
        }
        Ok(())
    }
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
