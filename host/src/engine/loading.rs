//! Loads a policy from a file and settings: recognises the file, runs `describe` and `configure`,
//! takes a snapshot, splits it, compiles and links it. Most of this comes from the cache where the
//! policy was loaded before.

pub(super) mod cache;
pub(super) mod configured_memory;
mod dry_run;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
pub(super) mod module;
pub(super) mod programs;
mod snapshot;

use std::sync::Arc;

use wasmtime::component::Component;

use super::Engine;
use super::abi::{Description, GuestPre};
use super::error::LoadError;
use super::recipe::Recipe;
use super::running::grants::Grants;
use super::running::limits::Limits;
use super::running::runtime::Imports;
use super::running::{LoadedPolicy, PolicyStart};
use cache::Key;
use configured_memory::Code;
use dry_run::{DryRun, DryRunComponent};
use module::Module;
use programs::Program;
use snapshot::Snapshot;

/// A policy to load.
#[derive(Clone, Debug)]
pub struct LoadRequest {
    /// The policy's name in logs and messages.
    pub name: String,
    /// The WebAssembly file.
    pub module: Module,
    /// The settings, as JSON text.
    pub settings: String,
    /// What one evaluation may use.
    pub limits: Limits,
    /// What it may query from metrics and the cluster.
    pub grants: Grants,
}

impl Engine {
    /// Loads a policy: from the cache if possible, else by running its `describe` and `configure`.
    ///
    /// # Errors
    /// If something is wrong with the file or the settings; see [`LoadError`].
    pub async fn load(&self, request: LoadRequest) -> Result<LoadedPolicy, LoadError> {
        let key = Key::of_policy(&request, self.runtime.engine());
        if let Some((prepared, program)) = self.cached(&key).await {
            match self.link(&request, prepared, program).await {
                Ok(policy) => return Ok(policy),
                Err(error) => {
                    tracing::warn!(policy = request.name, %error, "a cached policy is prepared again");
                }
            }
        }
        let (prepared, component) = self.prepare(&request).await?;
        let program = self.compiled(&prepared.program, component).await?;
        if let Some(cache) = &self.cache {
            cache.put_policy(&key, &prepared);
        }
        self.link(&request, prepared, program).await
    }

    /// Returns a module's description of itself.
    ///
    /// # Errors
    /// As [`Engine::load`], without those of settings.
    pub(crate) async fn describe(&self, module: &Module) -> Result<Description, LoadError> {
        let component = self.dry_run_component(module).await?;
        DryRun::new(component, "describe".into(), Limits::default())
            .describe()
            .await
    }

    async fn cached(&self, key: &Key) -> Option<(Prepared, Program)> {
        let cache = self.cache.as_ref()?;
        let prepared = cache.policy(key)?;
        let read = async {
            cache
                .program(&prepared.program, self.runtime.engine())
                .ok_or(())
        };
        let program = self.programs.get_or_make(&prepared.program, read).await;
        Some((prepared, program.ok()?))
    }

    /// Describes and configures a policy. Returns the component to compile with the result.
    async fn prepare(&self, request: &LoadRequest) -> Result<(Prepared, Arc<[u8]>), LoadError> {
        let component = self.dry_run_component(&request.module).await?;
        let original = Arc::clone(&component.original.bytes);
        let imports = component.original.imports;
        let dry_run = DryRun::new(component, request.name.as_str().into(), request.limits);
        let description = dry_run.describe().await?;
        let (code, start) = match snapshot::take(dry_run, request.settings.clone()).await? {
            Snapshot::Taken(snapshot) => {
                let split = move || Code::split(&original, snapshot);
                (run_blocking(split).await?, PolicyStart::FromSnapshot)
            }
            Snapshot::Impossible(reason) => {
                tracing::warn!(
                    policy = request.name,
                    reason,
                    "no snapshot can be taken of this policy; it is configured anew at each request, which costs time"
                );
                let start = PolicyStart::ConfigureEachTime { reason };
                (Code::whole(original), start)
            }
        };
        let prepared = Prepared {
            program: Key::of_program(&code.program, self.runtime.engine()),
            configured_memory: code.configured_memory,
            imports,
            description,
            start,
        };
        Ok((prepared, code.program))
    }

    /// Returns the compiled code of a component: from memory, from the cache, or by compiling it.
    /// Writes it to the cache if it is not there.
    async fn compiled(&self, key: &Key, component: Arc<[u8]>) -> Result<Program, LoadError> {
        let (engine, cache) = (self.runtime.engine(), self.cache.as_ref());
        let make = async {
            match cache.and_then(|cache| cache.program(key, engine)) {
                Some(cached) => Ok(cached),
                // It was compiled for the dry run: only the pool's bounds are new.
                None => compile(engine, component, LoadError::TooLarge).await,
            }
        };
        let program = self.programs.get_or_make(key, make).await?;
        if let Some(cache) = cache
            && !cache.has_program(key)
            && let Ok(code) = program.code().serialize()
        {
            cache.put_program(key, &code);
        }
        Ok(program)
    }

    /// Returns the module compiled for dry runs. It is compiled once for all policies of a module;
    /// another engine compiles its own.
    async fn dry_run_component(&self, module: &Module) -> Result<Arc<DryRunComponent>, LoadError> {
        let make = || async {
            let module = module.clone();
            let component = run_blocking(move || module.componentize()).await??;
            let compiled = DryRunComponent::compile(&self.loading_runtime, component).await?;
            Ok(Arc::new(compiled))
        };
        let made = module.dry_run.get_or_try_init(make).await?;
        if made.is_of(&self.loading_runtime) {
            return Ok(Arc::clone(made));
        }
        make().await
    }

    async fn link(
        &self,
        request: &LoadRequest,
        mut prepared: Prepared,
        program: Program,
    ) -> Result<LoadedPolicy, LoadError> {
        let (memory, imports) = (prepared.configured_memory.take(), prepared.imports);
        let (runtime, code) = (Arc::clone(&self.runtime), program.code().clone());
        let link = move || match memory {
            Some(memory) => runtime.link_with_memory(&code, &memory, imports),
            None => runtime.link(&code, imports),
        };
        let guest = run_blocking(link)
            .await?
            .and_then(GuestPre::new)
            .map_err(|error| LoadError::Mismatch(format!("{error:#}")))?;
        let recipe = Recipe::of(request);
        Ok(LoadedPolicy::new(self, recipe, prepared, guest, program))
    }
}

/// Everything that is known of a policy after `describe` and `configure`, except its code.
#[derive(serde::Serialize, serde::Deserialize)]
pub(super) struct Prepared {
    /// The key of the component that is compiled.
    pub(super) program: Key,
    /// The core module that completes the component; see [`configured_memory`].
    pub(super) configured_memory: Option<Vec<u8>>,
    pub(super) imports: Imports,
    pub(super) description: Description,
    pub(super) start: PolicyStart,
}

async fn compile(
    engine: &wasmtime::Engine,
    component: Arc<[u8]>,
    refused: fn(String) -> LoadError,
) -> Result<Component, LoadError> {
    let engine = engine.clone();
    run_blocking(move || Component::new(&engine, &component))
        .await?
        .map_err(|error| refused(format!("{error:#}")))
}

/// Runs work that may take long on a blocking thread. If a tool panics on a hostile file, only that
/// file fails to load.
async fn run_blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, LoadError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| LoadError::Engine(error.to_string()))
}
