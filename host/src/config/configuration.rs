//! The policies and metric sources of a configuration, and where each was read.

use std::path::Path;
use std::sync::Arc;

use super::compile::CompiledPolicy;
use super::module::ModuleSource;
use super::{Action, Match, OnError, PolicyName, Problem, RefusalCause, SourceLocation};
use crate::sources::prometheus::DescribedIn;
use crate::sources::{MetricSource, NamedMetrics, NamedSource, Secrets, SourceError};

/// The contents of files of policies, or of the cluster.
#[derive(Clone, Debug, Default)]
pub struct Configuration {
    /// The policies, in the order of the files.
    pub policies: Vec<PolicyItem>,
    /// Policies that cannot be loaded as they are written. They stay active and fail.
    pub refused: Vec<RefusedItem>,
    /// The metric sources.
    pub sources: Vec<SourceItem>,
    /// Metric sources that cannot be used as they are written. Queries to them fail.
    pub broken_sources: Vec<BrokenSource>,
    /// The problems. The rest of the configuration is valid.
    pub problems: Vec<Problem>,
}

impl Configuration {
    /// Returns the names of all metric sources, including those that cannot be used.
    pub(crate) fn source_names(&self) -> impl Iterator<Item = &str> {
        let broken = self
            .broken_sources
            .iter()
            .map(|source| source.name.as_str());
        self.sources.iter().map(SourceItem::name).chain(broken)
    }

    /// Returns the module files that the policies name. They may be anywhere, and a new build of one is a
    /// change too.
    pub(crate) fn module_files(&self) -> impl Iterator<Item = &Path> {
        self.policies
            .iter()
            .filter_map(|item| match &item.policy.module {
                ModuleSource::File(path) => Some(path.as_path()),
                ModuleSource::Builtin(_) => None,
            })
    }
}

/// A policy and where it was read.
#[derive(Clone, Debug)]
pub struct PolicyItem {
    /// The policy.
    pub policy: CompiledPolicy,
    /// Where it was read.
    pub(crate) location: SourceLocation,
    /// The generation of its object, if it comes from the cluster.
    pub generation: Option<i64>,
}

impl PolicyItem {
    /// A problem with the value at a pointer into the policy's object.
    #[must_use]
    pub(crate) fn problem(&self, pointer: &str, message: impl Into<String>) -> Problem {
        self.location.problem(pointer, message)
    }
}

/// A policy that cannot be loaded as it is written. Its match could be read, and it fails for each
/// rollout that matches.
#[derive(Clone, Debug)]
pub struct RefusedItem {
    /// The name.
    pub name: PolicyName,
    /// Which rollouts it evaluates.
    pub matches: Match,
    /// What a denial or a hold leads to.
    pub action: Action,
    /// What a failure leads to.
    pub on_error: OnError,
    /// What refuses it.
    pub cause: RefusalCause,
    /// Why it cannot be loaded.
    pub problems: Vec<Problem>,
    /// The generation of its object, if it comes from the cluster.
    pub generation: Option<i64>,
}

/// A metric source and where it was read.
#[derive(Clone, Debug)]
pub struct SourceItem {
    /// The source.
    pub source: MetricSource,
    /// Where it was read.
    pub(crate) location: SourceLocation,
    /// The generation of its object, if it comes from the cluster.
    pub generation: Option<i64>,
}

/// A metric source that cannot be used as it is written.
#[derive(Clone, Debug)]
pub struct BrokenSource {
    /// The name by which policies query it.
    pub name: String,
    /// Why it cannot be used.
    pub problem: Problem,
    /// The generation of its object, if it comes from the cluster.
    pub generation: Option<i64>,
}

impl SourceItem {
    /// The name by which policies query it.
    #[must_use]
    pub(crate) fn name(&self) -> &str {
        &self.source.metadata.name
    }
}

impl BrokenSource {
    /// The error that queries to it return.
    pub(super) fn error(&self) -> SourceError {
        SourceError {
            pointer: String::new(),
            message: self.problem.message.clone(),
        }
    }
}

/// Whether a metric source could be set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceState {
    /// The name by which policies query it.
    pub name: String,
    /// The generation of its object, if it comes from the cluster.
    pub generation: Option<i64>,
    /// Why it could not be set up; `None` if it was.
    pub problem: Option<Problem>,
}

/// Sets up every metric source, without a query. A query to a source that could not be set up fails with
/// the reason.
#[must_use]
pub fn metrics(
    configuration: &Configuration,
    secrets: &Arc<dyn Secrets>,
) -> (NamedMetrics, Vec<SourceState>) {
    let mut set_up = Vec::new();
    let mut states = Vec::new();
    for broken in &configuration.broken_sources {
        set_up.push((broken.name.clone(), Err(broken.error())));
        states.push(SourceState {
            name: broken.name.clone(),
            generation: broken.generation,
            problem: Some(broken.problem.clone()),
        });
    }
    for item in &configuration.sources {
        let described = match item.location {
            SourceLocation::Object(_) => DescribedIn::Cluster,
            SourceLocation::Text(..) => DescribedIn::File,
        };
        let spec = &item.source.spec;
        let source = NamedSource::new(item.name(), spec, described, secrets);
        let problem = |error: &SourceError| {
            item.location
                .problem(&error.pointer, error.message.as_str())
        };
        states.push(SourceState {
            name: item.name().to_owned(),
            generation: item.generation,
            problem: source.as_ref().err().map(problem),
        });
        set_up.push((item.name().to_owned(), source));
    }
    (set_up.into_iter().collect(), states)
}
