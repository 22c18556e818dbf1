//! Policies as WebAssembly: load, snapshot, evaluate. The only user of wasmtime.
//!
//! The engine returns a policy's verdict, or why there is none. It never says "allowed".
//! [`Engine::load`] ([`loading`]) does everything that can be done before a request.
//! [`LoadedPolicy::evaluate`] ([`running`]) runs the policy for one request: a fresh instance, one call
//! under every limit, and the instance is dropped. [`abi`] converts between the contract's types and
//! the model's.

mod abi;
mod error;
mod loading;
mod recipe;
mod running;

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use abi::Description;
pub use error::{EvaluationError, LoadError, SettingsProblem};
pub use loading::LoadRequest;
pub use loading::cache::CacheError;
pub(crate) use loading::dry_run_components::KeepModules;
#[cfg(any(test, fuzzing))]
pub(crate) use loading::fuzzing;
pub use loading::module::Module;
pub use running::grants::{ClusterGrant, Grants, Ungranted};
pub use running::limits::{Limits, TICK};
pub(crate) use running::runtime::MEMORY_CEILING;
pub use running::state::Review;
pub use running::{LoadedPolicy, PolicyStart};

use loading::cache::Cache;
use loading::compiler::Compiler;
use loading::dry_run_components::DryRunComponents;
use loading::programs::Programs;
use running::runtime::{Runtime, Runtimes};
use running::shares::{Rule, Shares};

/// How to set up an engine.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// How many evaluations may run at once; further ones wait.
    pub slots: NonZeroU32,
    /// The folder of the cache for prepared policies; `None` means no cache.
    pub cache: Option<PathBuf>,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            slots: NonZeroU32::new(128).expect("not zero"),
            cache: None,
        }
    }
}

/// Loads policies and runs them. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    runtime: Arc<Runtime>,
    loading_runtime: Arc<Runtime>,
    compiler: Arc<Compiler>,
    dry_run_components: Arc<DryRunComponents>,
    programs: Arc<Programs>,
    slots: Arc<Shares>,
    cache: Option<Arc<Cache>>,
    cache_error: Option<Arc<CacheError>>,
}

/// Whether prepared policies are cached.
pub(crate) enum CacheState<'a> {
    /// The folder is used.
    Used,
    /// No folder is configured.
    NotConfigured,
    /// The folder cannot be used.
    Unusable(&'a CacheError),
}

/// Why an engine could not be created.
#[derive(Debug, thiserror::Error)]
#[error(
    "the engine cannot reserve its memory pool of {slots} slots: {reason} \
     (each slot reserves some GiB of address space, not of memory; see `ulimit -v`, or lower the number of slots)"
)]
pub struct EngineError {
    slots: NonZeroU32,
    reason: String,
}

impl Engine {
    /// Reserves the memory pool and starts the ticker that limits CPU time.
    ///
    /// Runs without a cache where the folder is not safe, and logs why.
    ///
    /// # Errors
    /// If the pool's address space cannot be reserved.
    pub fn new(options: &EngineOptions) -> Result<Self, EngineError> {
        let runtimes = Runtimes::start(options.slots.get());
        let Runtimes { requests, loading } = runtimes.map_err(|error| EngineError {
            slots: options.slots,
            reason: format!("{error:#}"),
        })?;
        let cache = options.cache.as_deref().map(open_cache).transpose();
        let (cache, cache_error) = match cache {
            Ok(cache) => (cache, None),
            Err(error) => (None, Some(Arc::new(error))),
        };
        Ok(Self {
            runtime: Arc::new(requests),
            loading_runtime: Arc::new(loading),
            compiler: Arc::default(),
            dry_run_components: Arc::default(),
            programs: Arc::default(),
            slots: Shares::new(options.slots.get() as usize, Rule::KeepReserve),
            cache,
            cache_error,
        })
    }

    /// Returns whether prepared policies are cached.
    #[must_use]
    pub(crate) fn cache_state(&self) -> CacheState<'_> {
        match (&self.cache, self.cache_error.as_deref()) {
            (Some(_), _) => CacheState::Used,
            (None, Some(error)) => CacheState::Unusable(error),
            (None, None) => CacheState::NotConfigured,
        }
    }
}

fn open_cache(folder: &Path) -> Result<Arc<Cache>, CacheError> {
    let cache = Cache::open(folder).inspect_err(|error| {
        tracing::warn!(folder = %folder.display(), %error, "running without a cache: policies are prepared anew at each start");
    });
    cache.map(Arc::new)
}
