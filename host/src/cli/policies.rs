//! Loads the policies of a command.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::notice::{Notice, NoticeLevel, look};
use crate::config::{self, Configuration, PolicySet, Problem, State, builtin};
use crate::engine::{CacheState, Engine, EngineError, EngineOptions};
use crate::sources::{ClusterSources, NamedMetrics};

/// Loaded policies.
pub(super) struct Loaded {
    pub(super) set: Arc<PolicySet>,
    pub(super) metrics: NamedMetrics,
    /// The problems with files, modules and settings.
    pub(super) problems: Vec<Problem>,
}

/// Loads the policies at these paths, or the bundled default set without any.
///
/// # Errors
/// The engine cannot be created.
pub(super) async fn load(paths: &[PathBuf], facts: &ClusterSources) -> anyhow::Result<Loaded> {
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

/// Creates an engine with a cache. Without a cache it warns on standard error: each run then compiles
/// again, which takes seconds.
///
/// # Errors
/// The pool cannot be reserved.
pub(super) fn engine() -> Result<Engine, EngineError> {
    let engine = Engine::new(&EngineOptions {
        cache: cache(),
        ..EngineOptions::default()
    })?;
    let why = match engine.cache_state() {
        CacheState::Used => return Ok(engine),
        CacheState::Unusable(error) => error.to_string(),
        CacheState::NotConfigured => "neither XDG_CACHE_HOME nor HOME names a folder".to_owned(),
    };
    warn_of_no_cache(&why);
    Ok(engine)
}

fn warn_of_no_cache(why: &str) {
    let notice = Notice {
        level: NoticeLevel::Warning,
        rule: None,
        title: format!("policies are compiled at each run, because there is no cache: {why}")
            .into(),
        places: Vec::new(),
        notes: vec![(
            "hint",
            "set XDG_CACHE_HOME to a folder that is yours alone (mode 0700)".into(),
        )],
    };
    let mut errors = std::io::stderr().lock();
    let text = notice.render(&look(&errors));
    // Whoever does not listen misses nothing of the report.
    let _ = errors.write_all(text.as_bytes());
}

pub(super) fn configuration(paths: &[PathBuf]) -> Configuration {
    if paths.is_empty() {
        config::read_text(
            "<set recommended>",
            builtin::RECOMMENDED.text,
            Path::new(""),
        )
    } else {
        config::read(paths)
    }
}

pub(super) fn refusals(set: &PolicySet) -> impl Iterator<Item = Problem> {
    set.policies()
        .iter()
        .flat_map(|policy| match &policy.state {
            State::Refused(refusal) => refusal.problems.clone(),
            State::Loading(_) | State::Ready(_) => Vec::new(),
        })
}

/// Returns the cache folder, which belongs to the user alone.
pub(super) fn cache() -> Option<PathBuf> {
    let variable = |name| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let caches = variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")))?;
    caches.is_absolute().then(|| caches.join("rollgate"))
}
