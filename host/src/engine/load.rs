//! From a file and settings to a policy that can judge: recognise, describe, configure, snapshot,
//! compile; or all of it from the cache.

use std::sync::Arc;

use wasmtime::component::Component;

use super::Engine;
use super::abi::{Description, GuestPre};
use super::cache::Key;
use super::error::LoadError;
use super::gate::Grants;
use super::limits::Limits;
use super::module::{Module, PolicyComponent};
use super::policy::{LoadedPolicy, Start};
use super::recipe::Recipe;
use super::rehearsal::Rehearsal;
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
        let key = Key::of(&request, self.runtime.engine());
        let cached = self
            .cache
            .as_ref()
            .and_then(|cache| cache.get(&key, self.runtime.engine()));
        if let Some((prepared, compiled)) = cached {
            return self.assemble(&request, prepared, &compiled);
        }
        let prepared = prepare(&self.loader, &request).await?;
        let compiled = compile(self.runtime.engine(), Arc::clone(&prepared.component)).await?;
        if let (Some(cache), Ok(code)) = (&self.cache, compiled.serialize()) {
            cache.put(&key, &prepared, &code);
        }
        self.assemble(&request, prepared, &compiled)
    }

    /// What a module says of itself.
    ///
    /// # Errors
    /// As [`Engine::load`], without those of settings.
    pub async fn describe(&self, module: &Module) -> Result<Description, LoadError> {
        let component = componentize(module).await?;
        let rehearsal = Rehearsal::of(
            &self.loader,
            "describe".into(),
            &component,
            Limits::default(),
        );
        rehearsal.await?.describe().await
    }

    fn assemble(
        &self,
        request: &LoadRequest,
        prepared: Prepared,
        compiled: &Component,
    ) -> Result<LoadedPolicy, LoadError> {
        let mismatch = |error: wasmtime::Error| LoadError::Mismatch(format!("{error:#}"));
        let pre = self
            .runtime
            .link(compiled, prepared.imports)
            .map_err(mismatch)?;
        let guest = GuestPre::new(pre).map_err(mismatch)?;
        Ok(LoadedPolicy::new(
            self,
            Recipe::of(request),
            prepared,
            guest,
        ))
    }
}

/// A component that was described and configured.
pub(super) struct Prepared {
    pub(super) component: Arc<[u8]>,
    pub(super) imports: Imports,
    pub(super) description: Description,
    pub(super) start: Start,
}

async fn prepare(loader: &Arc<Runtime>, request: &LoadRequest) -> Result<Prepared, LoadError> {
    let component = componentize(&request.module).await?;
    let imports = component.imports;
    let name = request.name.as_str().into();
    let rehearsal = Rehearsal::of(loader, name, &component, request.limits).await?;
    let description = rehearsal.describe().await?;
    let (component, start) = match snapshot::take(rehearsal, request.settings.clone()).await? {
        Snapshot::Taken(bytes) => (bytes.into(), Start::Configured),
        Snapshot::Impossible(reason) => {
            tracing::warn!(
                policy = request.name,
                reason,
                "no snapshot can be taken of this policy; it is configured anew at each request, which costs time"
            );
            (Arc::clone(&component.bytes), Start::Unconfigured { reason })
        }
    };
    Ok(Prepared {
        component,
        imports,
        description,
        start,
    })
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

async fn componentize(module: &Module) -> Result<Arc<PolicyComponent>, LoadError> {
    let module = module.clone();
    aside(move || module.componentize()).await?.map(Arc::new)
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
