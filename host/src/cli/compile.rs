//! `rollgate compile`: loads policies, so that the cache has all that a later start needs.

use std::io::{self, Write as _};
use std::path::PathBuf;

use anyhow::Context as _;

use super::{Exit, output, policies};
use crate::config::{self, PolicySet, Problem, State};
use crate::engine::{CacheState, Engine, EngineOptions};
use crate::sources::ClusterSources;

/// Compile policies into the cache, so that `serve`, `check` and `test` start at once
///
/// The cache is for this version of rollgate and for processors like this one. Exits with 2 if a policy
/// cannot be loaded.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Files and folders of policies; the bundled set `recommended` where none are named
    #[arg(value_name = "PATH")]
    policies: Vec<PathBuf>,
    /// The folder of the cache, by default in the user's cache folder; nobody else may have access to it
    #[arg(long, value_name = "FOLDER", env = "ROLLGATE_CACHE")]
    cache: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
///
/// When there is no usable cache.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let cache = args.cache.clone().or_else(policies::cache);
    let cache = cache
        .context("there is no cache: name a folder by --cache, or set XDG_CACHE_HOME or HOME")?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let engine = Engine::new(&EngineOptions {
        cache: Some(cache.clone()),
        ..EngineOptions::default()
    })?;
    if let CacheState::Unusable(error) = engine.cache_state() {
        anyhow::bail!("the cache cannot be used: {error}");
    }
    let configuration = policies::configuration(&args.policies);
    let facts = ClusterSources::disconnected();
    let set = runtime.block_on(config::load(
        &engine,
        &configuration,
        facts.cluster.as_ref(),
        &PolicySet::default(),
    ));
    let mut problems = configuration.problems;
    problems.extend(policies::refusals(&set));
    let exit = if problems.is_empty() {
        Exit::Success
    } else {
        Exit::Error
    };
    output::settle(exit, report(&set, &problems, &cache))
}

fn report(set: &PolicySet, problems: &[Problem], cache: &std::path::Path) -> io::Result<()> {
    let mut errors = anstream::stderr().lock();
    for problem in problems {
        writeln!(errors, "error: {problem}")?;
    }
    let ready = set.policies().iter();
    let ready = ready.filter(|policy| matches!(policy.state, State::Ready(_)));
    let mut out = anstream::stdout().lock();
    writeln!(
        out,
        "{} policies are in the cache {}",
        ready.count(),
        cache.display()
    )?;
    out.flush()
}
