//! From a file and settings to a policy that can judge: recognise, describe, configure, snapshot, take
//! apart, compile, link; or most of it from the cache.

use std::sync::Arc;

use wasmtime::component::Component;

use super::Engine;
use super::abi::{Description, GuestPre};
use super::cache::Key;
use super::error::LoadError;
use super::gate::Grants;
use super::imprint::Code;
use super::limits::Limits;
use super::module::Module;
use super::policy::{LoadedPolicy, Runnable, Start};
use super::programs::Program;
use super::recipe::Recipe;
use super::rehearsal::{Rehearsal, Stage};
use super::runtime::{Imports, Runtime};
use super::snapshot::{self, Snapshot};

/// A policy to load.
#[derive(Clone, Debug)]
pub struct LoadRequest {
    /// The policy's name in logs and answers.
    pub name: String,
    /// The file.
    pub module: Module,
    /// The settings, as JSON text.
    pub settings: String,
    /// What one evaluation may use.
    pub limits: Limits,
    /// What it may ask of metrics and the cluster.
    pub grants: Grants,
}

impl Engine {
    /// Loads a policy: from the cache where it was loaded before, else by running its `describe`
    /// and `configure`.
    ///
    /// # Errors
    /// Says what is wrong with the file or the settings; see [`LoadError`].
    pub async fn load(&self, request: LoadRequest) -> Result<LoadedPolicy, LoadError> {
        let key = Key::of_policy(&request, self.runtime.engine());
        if let Some((prepared, program)) = self.remembered(&key).await {
            match self.assemble(&request, prepared, program).await {
                Ok(policy) => return Ok(policy),
                Err(error) => {
                    tracing::warn!(policy = request.name, %error, "a cached policy is prepared again");
                }
            }
        }
        let (prepared, component) = prepare(self, &request).await?;
        let program = self.compiled(&prepared.program, component).await?;
        if let Some(cache) = &self.cache {
            cache.put_policy(&key, &prepared);
        }
        self.assemble(&request, prepared, program).await
    }

    async fn remembered(&self, key: &Key) -> Option<(Prepared, Program)> {
        let cache = self.cache.as_ref()?;
        let prepared = cache.policy(key)?;
        let kept = async {
            cache
                .program(&prepared.program, self.runtime.engine())
                .ok_or(())
        };
        let program = self.programs.get_or_make(&prepared.program, kept).await;
        Some((prepared, program.ok()?))
    }

    /// The code of a component: in use already, kept in the cache, or made now; and kept from now on.
    async fn compiled(&self, key: &Key, component: Arc<[u8]>) -> Result<Program, LoadError> {
        let (engine, cache) = (self.runtime.engine(), self.cache.as_ref());
        let made = async {
            match cache.and_then(|cache| cache.program(key, engine)) {
                Some(kept) => Ok(kept),
                None => compile(engine, component).await,
            }
        };
        let program = self.programs.get_or_make(key, made).await?;
        if let Some(cache) = cache
            && !cache.has_program(key)
            && let Ok(code) = program.code().serialize()
        {
            cache.put_program(key, &code);
        }
        Ok(program)
    }

    /// What a module says of itself.
    ///
    /// # Errors
    /// As [`Engine::load`], without those of settings.
    pub async fn describe(&self, module: &Module) -> Result<Description, LoadError> {
        let stage = self.stage(module).await?;
        Rehearsal::of(stage, "describe".into(), Limits::default())
            .describe()
            .await
    }

    /// The stage of a module: made for the first policy of it, and for no other engine.
    async fn stage(&self, module: &Module) -> Result<Arc<Stage>, LoadError> {
        let make = || async { Ok(Arc::new(make_stage(&self.loader, module).await?)) };
        let made = module.stage.get_or_try_init(make).await?;
        if made.is_of(&self.loader) {
            return Ok(Arc::clone(made));
        }
        make().await
    }

    async fn assemble(
        &self,
        request: &LoadRequest,
        mut prepared: Prepared,
        program: Program,
    ) -> Result<LoadedPolicy, LoadError> {
        let (imprint, imports) = (prepared.imprint.take(), prepared.imports);
        let (runtime, code) = (Arc::clone(&self.runtime), program.code().clone());
        let link = move || match imprint {
            Some(imprint) => runtime.link_with(&code, &imprint, imports),
            None => runtime.link(&code, imports),
        };
        let guest = aside(link)
            .await?
            .and_then(GuestPre::new)
            .map_err(|error| LoadError::Mismatch(format!("{error:#}")))?;
        Ok(LoadedPolicy::new(
            self,
            Recipe::of(request),
            prepared,
            Runnable { guest, program },
        ))
    }
}

/// A policy that was described and configured, but for its code.
#[derive(serde::Serialize, serde::Deserialize)]
pub(super) struct Prepared {
    /// Of the component that is its code, complete or to be completed by the imprint.
    pub(super) program: Key,
    pub(super) imprint: Option<Vec<u8>>,
    pub(super) imports: Imports,
    pub(super) description: Description,
    pub(super) start: Start,
}

async fn prepare(
    engine: &Engine,
    request: &LoadRequest,
) -> Result<(Prepared, Arc<[u8]>), LoadError> {
    let stage = engine.stage(&request.module).await?;
    let name = request.name.as_str().into();
    let rehearsal = Rehearsal::of(Arc::clone(&stage), name, request.limits);
    let description = rehearsal.describe().await?;
    let (code, start) = match snapshot::take(rehearsal, request.settings.clone()).await? {
        Snapshot::Taken(snapshot) => {
            let component = Arc::clone(&stage.component.bytes);
            let apart = move || Code::apart(&component, snapshot);
            (aside(apart).await?, Start::Configured)
        }
        Snapshot::Impossible(reason) => {
            tracing::warn!(
                policy = request.name,
                reason,
                "no snapshot can be taken of this policy; it is configured anew at each request, which costs time"
            );
            let code = Code::whole(Arc::clone(&stage.component.bytes));
            (code, Start::Unconfigured { reason })
        }
    };
    let Code { program, imprint } = code;
    let prepared = Prepared {
        program: Key::of_program(&program, engine.runtime.engine()),
        imprint,
        imports: stage.component.imports,
        description,
        start,
    };
    Ok((prepared, program))
}

/// Compiles on a thread of its own: it takes longer than any request may wait.
pub(super) async fn compile(
    engine: &wasmtime::Engine,
    component: Arc<[u8]>,
) -> Result<Component, LoadError> {
    let engine = engine.clone();
    aside(move || Component::new(&engine, &component))
        .await?
        .map_err(|error| LoadError::NoContract(format!("{error:#}")))
}

async fn make_stage(loader: &Arc<Runtime>, module: &Module) -> Result<Stage, LoadError> {
    let module = module.clone();
    let component = aside(move || module.componentize()).await??;
    Stage::of(loader, component).await
}

/// Does work on a file that may be long, off the threads that serve. Should a tool trip over a hostile
/// file, that costs the file and not the process.
pub(super) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, LoadError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| LoadError::Engine(error.to_string()))
}
