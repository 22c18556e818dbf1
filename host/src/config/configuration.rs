//! What policies and metric sources a configuration consists of, and where each stands.

use std::path::Path;

use super::compile::PolicySource;
use super::module::ModuleSource;
use super::{Action, Match, OnError, Place, PolicyName, Problem};
use crate::sources::{MetricSource, SourceError};

/// What stands in files of policies, or in the cluster.
#[derive(Debug, Default)]
pub struct Configuration {
    /// The policies, in the order of the files.
    pub policies: Vec<PolicyItem>,
    /// Policies that cannot be loaded as they are written, and stand in force as failing ones.
    pub refused: Vec<RefusedItem>,
    /// The described metric sources.
    pub sources: Vec<SourceItem>,
    /// Metric sources that cannot be used as they are written; whoever asks them is told so.
    pub broken_sources: Vec<BrokenSource>,
    /// What is wrong. The rest of the configuration is sound.
    pub problems: Vec<Problem>,
}

impl Configuration {
    /// The names of all metric sources, those that cannot be used included.
    pub fn source_names(&self) -> impl Iterator<Item = &str> {
        let broken = self
            .broken_sources
            .iter()
            .map(|source| source.name.as_str());
        self.sources.iter().map(SourceItem::name).chain(broken)
    }

    /// The module files that the policies name. They may stand anywhere, and a new build of one is
    /// a change too.
    pub fn module_files(&self) -> impl Iterator<Item = &Path> {
        self.policies
            .iter()
            .filter_map(|item| match &item.policy.module {
                ModuleSource::File(path) => Some(path.as_path()),
                ModuleSource::Builtin(_) => None,
            })
    }
}

/// A policy and where it stands.
#[derive(Clone, Debug)]
pub struct PolicyItem {
    /// The policy.
    pub policy: PolicySource,
    /// Where it stands.
    pub place: Place,
    /// The generation of its object, where it came from the cluster.
    pub generation: Option<i64>,
}

impl PolicyItem {
    /// Something wrong with what a pointer into the policy's object leads to.
    #[must_use]
    pub fn problem(&self, pointer: &str, message: impl Into<String>) -> Problem {
        self.place.problem(pointer, message)
    }
}

/// A policy that cannot be loaded as it is written. What could be read of it applies: it judges
/// what it matches by failing.
#[derive(Clone, Debug)]
pub struct RefusedItem {
    /// What people call it.
    pub name: PolicyName,
    /// Which rollouts it judges.
    pub matches: Match,
    /// What becomes of a denial or a hold.
    pub action: Action,
    /// What becomes of a failure.
    pub on_error: OnError,
    /// Why it cannot be loaded.
    pub problems: Vec<Problem>,
    /// The generation of its object, where it came from the cluster.
    pub generation: Option<i64>,
}

/// A metric source and where it stands.
#[derive(Clone, Debug)]
pub struct SourceItem {
    /// The source.
    pub source: MetricSource,
    /// Where it stands.
    pub place: Place,
    /// The generation of its object, where it came from the cluster.
    pub generation: Option<i64>,
}

/// A metric source that cannot be used as it is written.
#[derive(Clone, Debug)]
pub struct BrokenSource {
    /// What policies ask for it by.
    pub name: String,
    /// Why it cannot be used.
    pub problem: Problem,
    /// The generation of its object, where it came from the cluster.
    pub generation: Option<i64>,
}

impl SourceItem {
    /// What policies ask for it by.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.source.metadata.name
    }
}

impl BrokenSource {
    /// What those who ask it are told.
    pub(super) fn error(&self) -> SourceError {
        SourceError {
            pointer: String::new(),
            message: self.problem.message.clone(),
        }
    }
}
