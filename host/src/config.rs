//! Policies and metric sources as users write them, and the immutable set that evaluates rollouts.
//!
//! [`read`] reads files and folders and reports problems with their lines. [`load`] turns the result into
//! a [`PolicySet`]. Files and the cluster have the same schema ([`policy_spec`]).

pub mod builtin;
mod ceilings;
mod compile;
mod configuration;
mod contents;
mod load;
mod matching;
mod module;
mod object;
mod policy_index;
pub mod policy_spec;
mod problem;
pub(crate) mod quantity;
mod read;
mod selector;
mod walk;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use rollgate_model::Change;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::engine::LoadedPolicy;
use policy_index::PolicyIndex;

pub use ceilings::Ceilings;
pub use compile::CompiledPolicy;
pub use configuration::{
    BrokenSource, Configuration, PolicyItem, RefusedItem, SourceItem, SourceState, metrics,
};
pub use load::load;
pub(crate) use load::{Loading, Progress};
pub use matching::{Match, MatchInput, Matching, NamespaceLabels};
pub use module::{ModuleDigest, ModuleError, ModuleSource};
pub(crate) use object::{ModuleFolder, ObjectHead, read_policy, read_source};
pub use problem::{Problem, Spot, missing};
pub(crate) use problem::{SourceLocation, json_path};
pub use read::{read, read_text};
pub use selector::{Requirement, Selector};
pub(crate) use walk::{Depth, Walk, WalkError};

/// All active policies. Never changed: a reload builds another set and replaces this one.
#[derive(Debug, Default)]
pub struct PolicySet {
    policies: Vec<Policy>,
    index: PolicyIndex,
    awaits_permissions: bool,
}

impl PolicySet {
    /// Creates a set of policies, in the order in which they are evaluated.
    #[must_use]
    pub(crate) fn new(policies: Vec<Policy>) -> Self {
        Self {
            index: PolicyIndex::of(&policies),
            policies,
            awaits_permissions: false,
        }
    }

    /// Marks the set: some policies are refused only because rollgate lacks a permission.
    fn awaiting_permissions(self) -> Self {
        Self {
            awaits_permissions: true,
            ..self
        }
    }

    /// Whether loading the same policies again may succeed: rollgate may be given a permission that one
    /// of them needs, or a kind may be added to the cluster.
    #[must_use]
    pub(crate) fn awaits_permissions(&self) -> bool {
        self.awaits_permissions
    }

    /// Returns all policies, including those that are refused.
    #[must_use]
    pub fn policies(&self) -> &[Policy] {
        &self.policies
    }

    /// Returns the policy with this name.
    #[must_use]
    pub(crate) fn get(&self, name: &PolicyName) -> Option<&Policy> {
        self.index.named(name).map(|number| &self.policies[number])
    }

    /// Returns the policies that were loaded anew, and not taken over from an earlier set.
    pub fn prepared_since<'a>(&'a self, earlier: &'a Self) -> impl Iterator<Item = &'a PolicyName> {
        let earlier = earlier.loaded();
        self.loaded().into_iter().filter_map(move |(name, loaded)| {
            let reused = earlier
                .get(name)
                .is_some_and(|earlier| Arc::ptr_eq(earlier, loaded));
            (!reused).then_some(name)
        })
    }

    /// Returns the policies that are ready.
    fn loaded(&self) -> HashMap<&PolicyName, &Arc<LoadedPolicy>> {
        let ready = self
            .policies
            .iter()
            .filter_map(|policy| match &policy.state {
                State::Ready(loaded) => Some((&policy.name, loaded)),
                State::Loading(_) | State::Refused(_) => None,
            });
        ready.collect()
    }

    /// Returns the policies that match a change, and how.
    pub(crate) fn matching<'a>(
        &'a self,
        input: MatchInput<'a>,
    ) -> impl Iterator<Item = (&'a Policy, Matching)> {
        let object = input.new.or(input.old).into_iter();
        let candidates = object.flat_map(|object| {
            let namespace = object.namespace();
            self.index.candidates(object.kind(), namespace)
        });
        candidates.filter_map(move |number| {
            let policy = &self.policies[number];
            if policy.state.has_no_effect() {
                return None;
            }
            let matching = policy.matches.matching(input);
            (matching != Matching::No).then_some((policy, matching))
        })
    }

    /// Returns the policies that can match an Argo Rollout that gets another Pod template.
    pub(crate) fn for_templates_of_rollouts(&self) -> impl Iterator<Item = &Policy> {
        let numbers = self.index.for_templates_of_rollouts.iter();
        numbers.map(|number| &self.policies[*number])
    }

    /// Whether a policy selects namespaces by their labels.
    #[must_use]
    pub(crate) const fn selects_namespaces(&self) -> bool {
        self.index.selects_namespaces
    }

    /// Returns the policies that have no version yet that could be evaluated.
    pub(crate) fn loading(&self) -> impl Iterator<Item = &Policy> {
        let policies = self.policies.iter();
        policies.filter(|policy| matches!(policy.state, State::Loading(_)))
    }

    /// Returns the policies that could stop a rollback of what is rolled out.
    #[must_use]
    pub(crate) fn enforced_on_rollback(&self, input: MatchInput<'_>) -> Vec<PolicyName> {
        let rollback = MatchInput {
            change: Some(Change::Rollback),
            ..input
        };
        self.matching(rollback)
            .filter(|(policy, matching)| {
                policy.action == Action::Enforce && *matching == Matching::AsClassified
            })
            .map(|(policy, _)| policy.name.clone())
            .collect()
    }
}

/// A policy's name: `namespace/name`, or the bare name of one that has no namespace.
///
/// Cheap to clone: it is part of every message and metric.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyName(Arc<str>);

impl PolicyName {
    /// Creates the name of a policy without a namespace.
    #[must_use]
    pub(crate) fn cluster(name: &str) -> Self {
        Self(name.into())
    }

    /// Parses a name as [`PolicyName::as_str`] returns it.
    fn named(name: &str) -> Self {
        Self(name.into())
    }

    /// Creates the name of a policy in a namespace.
    #[must_use]
    pub(crate) fn namespaced(namespace: &str, name: &str) -> Self {
        Self(format!("{namespace}/{name}").into())
    }

    /// Returns the name to keep a reference to, for example in a metric's label.
    #[must_use]
    pub(crate) fn shared(&self) -> &Arc<str> {
        &self.0
    }

    /// Returns the namespace, if the policy has one.
    #[must_use]
    pub(crate) fn namespace(&self) -> Option<&str> {
        self.0.split_once('/').map(|(namespace, _)| namespace)
    }

    /// Returns the name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PolicyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for PolicyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

/// A configured instance of a module.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The name.
    pub name: PolicyName,
    /// Which rollouts it evaluates.
    pub matches: Match,
    /// What a denial or a hold leads to.
    pub action: Action,
    /// What a failure leads to.
    pub on_error: OnError,
    /// Whether it is loaded.
    pub state: State,
    /// The generation of its object, if it comes from the cluster.
    pub generation: Option<i64>,
}

/// Whether a policy is loaded.
#[derive(Clone)]
pub enum State {
    /// It is being loaded for the first time, while others are active already.
    Loading(WhileLoading),
    /// Loaded and configured. The next set shares it if none of its inputs changed.
    Ready(Arc<LoadedPolicy>),
    /// Its module or settings cannot be loaded. It stays active and fails each time, so that its match
    /// and `onError` apply. There is no last good version.
    Refused(Refusal),
}

/// What a policy does while it is being loaded for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhileLoading {
    /// It fails, since the process has just started: another replica may have evaluated it already.
    Fails,
    /// Nothing, since it is new: it takes effect when it is loaded.
    HasNoEffect,
}

impl State {
    const fn has_no_effect(&self) -> bool {
        matches!(self, Self::Loading(WhileLoading::HasNoEffect))
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Loading(effect) => f.debug_tuple("Loading").field(effect).finish(),
            Self::Ready(policy) => f.debug_tuple("Ready").field(policy.description()).finish(),
            Self::Refused(refusal) => f.debug_tuple("Refused").field(refusal).finish(),
        }
    }
}

/// Why a policy is refused. `Display` writes it on one line, for messages and logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What refuses it.
    pub cause: RefusalCause,
    /// The problems, with their lines.
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

/// What refuses a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalCause {
    /// Its module, its settings or a grant: they cannot be loaded.
    Load,
    /// A ceiling for policies of namespaces.
    Ceiling,
}

/// What a denial or a hold leads to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Action {
    /// The rollout is denied or held.
    #[default]
    Enforce,
    /// It becomes a warning.
    Warn,
    /// It is only recorded.
    Audit,
}

/// What the failure of a policy leads to: a trap, a timeout, a source that does not respond.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum OnError {
    /// The rollout is denied.
    #[default]
    Deny,
    /// The rollout is allowed; the failure is recorded.
    Allow,
}
