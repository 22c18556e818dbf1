//! Policies as WebAssembly: load, snapshot, evaluate. The only user of wasmtime.
//!
//! The engine answers what a policy said, or how it failed; never "allowed". [`Engine::load`] does
//! all that can be done before a request: recognise the file ([`module`]), run `configure` once and
//! keep the memory it leaves ([`snapshot`]) apart from the program ([`imprint`]), compile that, and
//! remember it ([`cache`]). [`LoadedPolicy::evaluate`] then takes a prepared place from a pool, makes
//! one call in it under every bound ([`limits`]) and drops it. Whatever a guest asks of the world
//! passes one [`gate`].

mod abi;
mod cache;
mod error;
mod gate;
mod imprint;
mod limits;
mod load;
mod log;
mod module;
mod outcome;
mod policy;
mod programs;
mod recipe;
mod rehearsal;
mod runtime;
mod snapshot;
mod state;
mod ticker;
mod wasi;

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::Semaphore;

pub use abi::Description;
pub use cache::CacheError;
pub use error::{EvaluationError, LoadError, SettingsProblem};
pub use gate::{ClusterGrant, Grants, Others};
pub use limits::{Limits, TICK};
pub use load::LoadRequest;
pub use module::Module;
pub use policy::{KeptSandbox, LoadedPolicy, Start};
pub use runtime::MEMORY_CEILING;
pub use state::Review;

use cache::Cache;
use programs::Programs;
use runtime::{Runtime, Runtimes};

/// How an engine is set up.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// Evaluations that may be under way at once; further ones wait.
    pub slots: NonZeroU32,
    /// Where prepared policies are kept; `None` keeps none.
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

/// Loads policies and gives them places to run. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    runtime: Arc<Runtime>,
    loader: Arc<Runtime>,
    programs: Arc<Programs>,
    slots: Arc<Semaphore>,
    cache: Option<Arc<Cache>>,
    cache_error: Option<Arc<CacheError>>,
}

/// Why there is no engine.
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
    /// Reserves the pool and starts counting time for guests.
    ///
    /// A cache folder that cannot be trusted is told once in the log, and none is used.
    ///
    /// # Errors
    /// Where the pool's address space cannot be reserved.
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
            loader: Arc::new(loading),
            programs: Arc::default(),
            slots: Arc::new(Semaphore::new(options.slots.get() as usize)),
            cache,
            cache_error,
        })
    }

    /// Why the cache folder that was asked for is not used.
    #[must_use]
    pub fn cache_error(&self) -> Option<&CacheError> {
        self.cache_error.as_deref()
    }
}

fn open_cache(folder: &Path) -> Result<Arc<Cache>, CacheError> {
    let cache = Cache::open(folder).inspect_err(|error| {
        tracing::warn!(folder = %folder.display(), %error, "running without a cache: policies are prepared anew at each start");
    });
    cache.map(Arc::new)
}
