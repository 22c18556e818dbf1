//! Compiles components, heavy ones one at a time: a JavaScript or Python engine takes hundreds of MiB and
//! many seconds, and small policies must not wait for it.

use std::sync::{Arc, LazyLock};

use rayon::{ThreadPool, ThreadPoolBuilder};
use tokio::sync::Semaphore;
use wasmtime::Engine;
use wasmtime::component::Component;

use super::run_blocking;
use crate::engine::error::LoadError;

/// From this size on, in bytes, a component is heavy. Policies written in Rust or Go have less than half
/// of this, JavaScript and Python engines ten times as much.
pub(crate) const HEAVY: usize = 1 << 20;

/// Compiles components.
pub(crate) struct Compiler {
    heavy: Arc<Semaphore>,
}

impl Default for Compiler {
    fn default() -> Self {
        Self {
            heavy: Arc::new(Semaphore::new(1)),
        }
    }
}

impl Compiler {
    /// Compiles a component. Waits while another heavy one is compiled, if this one is heavy too.
    /// `refused` makes the error for a component that the engine refuses.
    pub(super) async fn compile(
        &self,
        engine: &Engine,
        component: Arc<[u8]>,
        refused: fn(String) -> LoadError,
    ) -> Result<Component, LoadError> {
        let engine = engine.clone();
        let compiled = if component.len() < HEAVY {
            run_blocking(move || Component::new(&engine, &component)).await?
        } else {
            let turn = Arc::clone(&self.heavy).acquire_owned().await;
            let turn = turn.map_err(|error| LoadError::Engine(error.to_string()))?;
            // The turn ends with the work, which goes on if nobody waits for it any more.
            let work = move || {
                let _turn = turn;
                match HEAVY_POOL.as_ref() {
                    Some(pool) => pool.install(|| Component::new(&engine, &component)),
                    None => Component::new(&engine, &component),
                }
            };
            run_blocking(work).await?
        };
        compiled.map_err(|error| refused(format!("{error:#}")))
    }
}

/// The threads that compile heavy components. On the threads for everything else, a small component
/// would wait behind each function of a heavy one.
static HEAVY_POOL: LazyLock<Option<ThreadPool>> = LazyLock::new(|| {
    let threads =
        ThreadPoolBuilder::new().thread_name(|number| format!("rollgate-compile-{number}"));
    threads.build().ok()
});
