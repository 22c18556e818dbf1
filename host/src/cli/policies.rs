//! The policies that a command runs with.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::{self, Configuration, PolicySet, Problem, State, builtin};
use crate::engine::{Engine, EngineError, EngineOptions};
use crate::sources::{Facts, NamedMetrics};

/// Policies that are ready to be asked.
pub(super) struct Loaded {
    pub(super) set: Arc<PolicySet>,
    pub(super) metrics: NamedMetrics,
    /// What is wrong with the policies' files, modules and settings.
    pub(super) problems: Vec<Problem>,
}

/// Reads and loads the policies at these paths, or the bundled default set where there are none.
///
/// # Errors
///
/// Where there is no engine to load them into.
pub(super) async fn load(paths: &[PathBuf], facts: &Facts) -> anyhow::Result<Loaded> {
    let engine = engine()?;
    let configuration = configuration(paths);
    let (metrics, sources) = config::metrics(&configuration, &facts.secrets);
    let none = PolicySet::default();
    let set = config::load(&engine, &configuration, facts.cluster.as_ref(), &none).await;
    let mut problems = configuration.problems;
    problems.extend(sources.into_iter().filter_map(|source| source.problem));
    problems.extend(refusals(&set));
    Ok(Loaded {
        set: Arc::new(set),
        metrics,
        problems,
    })
}

/// An engine that remembers what it prepared.
///
/// # Errors
///
/// Where its pool cannot be reserved.
pub(super) fn engine() -> Result<Engine, EngineError> {
    Engine::new(&EngineOptions {
        cache: cache(),
        ..EngineOptions::default()
    })
}

fn configuration(paths: &[PathBuf]) -> Configuration {
    if paths.is_empty() {
        config::read_text("<default policies>", builtin::DEFAULT_SET, Path::new(""))
    } else {
        config::read(paths)
    }
}

fn refusals(set: &PolicySet) -> impl Iterator<Item = Problem> {
    set.policies()
        .iter()
        .flat_map(|policy| match &policy.state {
            State::Refused(refusal) => refusal.problems.clone(),
            State::Ready(_) => Vec::new(),
        })
}

/// Where prepared policies are kept: a folder of the user's own, never one that is shared.
pub(super) fn cache() -> Option<PathBuf> {
    let variable = |name| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let caches = variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")))?;
    caches.is_absolute().then(|| caches.join("rollgate"))
}
