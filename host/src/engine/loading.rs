//! Loads a policy from a file and settings: recognises the file, runs `describe` and `configure`,
//! takes a snapshot, splits it, compiles and links it. Most of this comes from the cache where the
//! policy was loaded before.

pub(super) mod cache;
pub(super) mod compiler;
pub(super) mod configured_memory;
mod dry_run;
pub(super) mod dry_run_components;
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
use dry_run_components::KeepModules;
use module::Module;
use programs::Program;
use snapshot::Snapshot;

/// A policy to load.
#[derive(Clone, Debug, PartialEq)]
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
        let key = Key::of_policy(&request, self.runtime.digest());
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

    /// Returns a module's description of itself: from the cache if possible, else by compiling it.
    ///
    /// # Errors
    /// As [`Engine::load`], without those of settings.
    pub(crate) async fn describe(&self, module: &Module) -> Result<Description, LoadError> {
        let key = Key::of_module(module, self.loading_runtime.digest());
        if let Some(known) = self.cache.as_ref().and_then(|cache| cache.module(&key)) {
            return Ok(known.description);
        }
        let component = self.dry_run_component(module).await?;
        self.described(module, &component, "describe", Limits::default())
            .await
    }

    /// Keeps what is compiled of modules until the result is dropped.
    pub(crate) fn keep_modules(&self) -> KeepModules {
        self.dry_run_components.keep()
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
        let (module, limits) = (&request.module, request.limits);
        let component = self.dry_run_component(module).await?;
        let description = self
            .described(module, &component, &request.name, limits)
            .await?;
        let dry_run = DryRun::new(Arc::clone(&component), request.name.as_str().into(), limits);
        let (code, start) = match snapshot::take(dry_run, request.settings.clone()).await? {
            Snapshot::Taken(code) => (code, PolicyStart::FromSnapshot),
            Snapshot::Impossible(reason) => {
                tracing::warn!(
                    policy = request.name,
                    reason,
                    "no snapshot can be taken of this policy; it is configured anew at each request, which costs time"
                );
                let start = PolicyStart::ConfigureEachTime { reason };
                (Code::whole(component.original().await?), start)
            }
        };
        let prepared = Prepared {
            program: code.program.key(self.runtime.digest()).clone(),
            configured_memory: code.configured_memory,
            imports: component.imports,
            description,
            start,
        };
        Ok((prepared, Arc::clone(&code.program.bytes)))
    }

    /// Returns the compiled code of a component: from memory, from the cache, or by compiling it.
    /// Writes it to the cache if it is not there.
    async fn compiled(&self, key: &Key, component: Arc<[u8]>) -> Result<Program, LoadError> {
        let engine = self.runtime.engine();
        let mut is_new = false;
        let make = async {
            if let Some(cached) = self.cached_code(key, engine) {
                return Ok(cached);
            }
            let code = self
                .compiler
                .compile(engine, component, LoadError::TooLarge)
                .await?;
            is_new = true;
            Ok(self.keep_code(key, code).await)
        };
        let program = self.programs.get_or_make(key, make).await?;
        if !is_new {
            // The folder may have been emptied since.
            self.keep_code(key, program.code().clone()).await;
        }
        Ok(program)
    }

    fn cached_code(&self, key: &Key, engine: &wasmtime::Engine) -> Option<Component> {
        self.cache.as_ref()?.program(key, engine)
    }

    /// Writes code to the cache if it is not there. Returns it as it is mapped from there: the system can
    /// take the memory of a file back.
    async fn keep_code(&self, key: &Key, code: Component) -> Component {
        let Some(cache) = self.cache.clone() else {
            return code;
        };
        if cache.has_program(key) {
            return code;
        }
        let (written, key) = (code.clone(), key.clone());
        let write = move || {
            cache.put_program(&key, &written.serialize().ok()?);
            cache.program(&key, written.engine())
        };
        run_blocking(write).await.ok().flatten().unwrap_or(code)
    }

    /// Returns the module compiled for dry runs: from memory, from the cache, or by compiling it.
    async fn dry_run_component(&self, module: &Module) -> Result<Arc<DryRunComponent>, LoadError> {
        let make = async {
            if let Some(cached) = self.cached_dry_run_component(module) {
                return Ok(Arc::new(cached));
            }
            let (runtime, compiler) = (&self.loading_runtime, &self.compiler);
            let compiled = DryRunComponent::compile(runtime, compiler, module).await?;
            Ok(Arc::new(compiled))
        };
        self.dry_run_components.get_or_make(module, make).await
    }

    fn cached_dry_run_component(&self, module: &Module) -> Option<DryRunComponent> {
        let runtime = &self.loading_runtime;
        let key = Key::of_module(module, runtime.digest());
        let prepared = self.cache.as_ref()?.module(&key)?;
        let code = self.cached_code(&key, runtime.engine())?;
        DryRunComponent::of_cached(runtime, module, prepared, &code).ok()
    }

    /// Calls `describe`, once for all policies of the module, and then writes the module to the cache.
    async fn described(
        &self,
        module: &Module,
        component: &Arc<DryRunComponent>,
        policy: &str,
        limits: Limits,
    ) -> Result<Description, LoadError> {
        let describe = async || {
            let dry_run = DryRun::new(Arc::clone(component), policy.into(), limits);
            let description = dry_run.describe().await?;
            if let Some(cache) = &self.cache {
                let key = Key::of_module(module, self.loading_runtime.digest());
                self.keep_code(&key, component.code().clone()).await;
                let module = PreparedModule {
                    imports: component.imports,
                    no_accessors: component.no_accessors.clone(),
                    description: description.clone(),
                };
                cache.put_module(&key, &module);
            }
            Ok(description)
        };
        let description = component.description.get_or_try_init(describe);
        description.await.cloned()
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
    /// The core module that completes the component; see [`configured_memory`]. It is kept beside the
    /// rest, since lists of numbers take long to read.
    #[serde(skip)]
    pub(super) configured_memory: Option<Vec<u8>>,
    pub(super) imports: Imports,
    pub(super) description: Description,
    pub(super) start: PolicyStart,
}

/// What is known of a module, except its code for dry runs.
#[derive(serde::Serialize, serde::Deserialize)]
pub(super) struct PreparedModule {
    imports: Imports,
    /// Why no snapshot can be taken of it, if none can.
    no_accessors: Option<String>,
    description: Description,
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
