//! From a file and settings to a policy that can judge: recognise, describe, configure, snapshot,
//! compile; or all of it from the cache.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::Store;
use wasmtime::component::Component;

use super::Engine;
use super::abi::{Description, GuestPre};
use super::cache::{Artefact, Key};
use super::error::{EvaluationError, LoadError};
use super::gate::Grants;
use super::limits::Limits;
use super::module::{Module, PolicyComponent};
use super::outcome;
use super::policy::{LoadedPolicy, Start};
use super::runtime::{Imports, Runtime};
use super::snapshot::{self, Snapshot, Subject};
use super::state::{HostState, Phase};
use super::wasi::EmptyWasi;

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

/// What a guest is asked while it is being loaded.
#[derive(Clone, Copy, Debug)]
pub(super) enum Loading {
    Describe,
    Configure,
}

/// Unoptimised code that sets up a language's runtime may take a while.
const LOADING_CPU: Duration = Duration::from_secs(5);
/// Bounds a guest that sleeps instead of computing.
pub(super) const LOADING_TIMEOUT: Duration = Duration::from_secs(15);

impl Engine {
    /// Loads a policy: from the cache where it was loaded before, else by running its `describe`
    /// and `configure`.
    ///
    /// # Errors
    /// Says what is wrong with the file or the settings; see [`LoadError`].
    pub async fn load(&self, request: LoadRequest) -> Result<LoadedPolicy, LoadError> {
        let key = Key::of(&request, self.runtime.engine());
        if let Some((artefact, component)) = self.cached(&key) {
            return self.assemble(request, artefact.into_prepared(), &component);
        }
        let policy: Arc<str> = request.name.as_str().into();
        let prepared = prepare(&self.loader, &policy, &request).await?;
        let compiled = self.compile(Arc::clone(&prepared.component)).await?;
        if let (Some(cache), Ok(code)) = (&self.cache, compiled.serialize()) {
            cache.put(&key, &Artefact::new(&prepared, &code));
        }
        self.assemble(request, prepared, &compiled)
    }

    /// What a module says of itself.
    ///
    /// # Errors
    /// As [`Engine::load`], without those of settings.
    pub async fn describe(&self, module: &Module) -> Result<Description, LoadError> {
        let component = Arc::new(module.componentize()?);
        let name: Arc<str> = "describe".into();
        describe(&self.loader, &name, &component, &Limits::default()).await
    }

    fn cached(&self, key: &Key) -> Option<(Artefact, Component)> {
        let cache = self.cache.as_ref()?;
        let artefact = cache.get(key)?;
        match artefact.deserialize(self.runtime.engine()) {
            Ok(component) => Some((artefact, component)),
            Err(error) => {
                tracing::warn!(%error, "a cached policy does not fit this engine and is prepared again");
                None
            }
        }
    }

    async fn compile(&self, component: Arc<[u8]>) -> Result<Component, LoadError> {
        let engine = self.runtime.engine().clone();
        let compiled =
            tokio::task::spawn_blocking(move || Component::new(&engine, &component)).await;
        match compiled {
            Ok(compiled) => compiled.map_err(|error| LoadError::Engine(format!("{error:#}"))),
            Err(error) => Err(LoadError::Engine(error.to_string())),
        }
    }

    fn assemble(
        &self,
        request: LoadRequest,
        prepared: Prepared,
        compiled: &Component,
    ) -> Result<LoadedPolicy, LoadError> {
        let mismatch = |error: wasmtime::Error| LoadError::Mismatch(format!("{error:#}"));
        let pre = self
            .runtime
            .link(compiled, prepared.imports)
            .map_err(mismatch)?;
        let guest = GuestPre::new(pre).map_err(mismatch)?;
        Ok(LoadedPolicy::new(self, request, prepared, guest))
    }
}

/// A component that was described and configured.
pub(super) struct Prepared {
    pub(super) component: Arc<[u8]>,
    pub(super) imports: Imports,
    pub(super) description: Description,
    pub(super) start: Start,
}

async fn prepare(
    loader: &Arc<Runtime>,
    policy: &Arc<str>,
    request: &LoadRequest,
) -> Result<Prepared, LoadError> {
    let component = Arc::new(request.module.componentize()?);
    let description = describe(loader, policy, &component, &request.limits).await?;
    let subject = Subject {
        runtime: Arc::clone(loader),
        policy: Arc::clone(policy),
        component: Arc::clone(&component),
        settings: request.settings.clone(),
        limits: request.limits,
    };
    let imports = component.imports();
    Ok(match snapshot::take(subject).await? {
        Snapshot::Taken(bytes) => Prepared {
            component: bytes.into(),
            imports,
            description,
            start: Start::Configured,
        },
        Snapshot::Impossible(reason) => {
            tracing::warn!(
                policy = &**policy,
                reason,
                "no snapshot can be taken of this policy; it is configured anew at each request, which costs time"
            );
            let start = Start::Unconfigured { reason };
            Prepared {
                component: Arc::clone(&component.bytes),
                imports,
                description,
                start,
            }
        }
    })
}

async fn describe(
    loader: &Runtime,
    policy: &Arc<str>,
    component: &PolicyComponent,
    limits: &Limits,
) -> Result<Description, LoadError> {
    let imports = component.imports();
    let compiled = Component::new(loader.engine(), &component.bytes)
        .map_err(|error| LoadError::NoContract(format!("{error:#}")))?;
    let mismatch = |error: wasmtime::Error| LoadError::Mismatch(format!("{error:#}"));
    let guest =
        GuestPre::new(loader.link(&compiled, imports).map_err(mismatch)?).map_err(mismatch)?;
    let mut store = loader.store(Loading::Describe.state(policy, limits, imports));
    let described = async {
        let instance = guest.instantiate(&mut store).await?;
        instance.describe(&mut store).await
    };
    let described = in_time(described).await;
    settle(described, &store, Loading::Describe, limits)
}

/// Bounds a call into a guest that is being loaded.
pub(super) async fn in_time<T>(
    call: impl Future<Output = wasmtime::Result<T>>,
) -> wasmtime::Result<T> {
    tokio::time::timeout(LOADING_TIMEOUT, call)
        .await
        .unwrap_or_else(|_| {
            Err(wasmtime::format_err!(
                "no answer after {} s",
                LOADING_TIMEOUT.as_secs()
            ))
        })
}

/// Turns what became of a call during loading into words.
pub(super) fn settle<T>(
    result: wasmtime::Result<T>,
    store: &Store<HostState>,
    loading: Loading,
    limits: &Limits,
) -> Result<T, LoadError> {
    let error = match result {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    if let Phase::Loading {
        during,
        asked_too_early: Some(call),
    } = store.data().phase
    {
        return Err(LoadError::AskedTooEarly { call, during });
    }
    let limits = loading.limits(limits);
    let error: EvaluationError = outcome::explain(&error, store.data(), &limits);
    Err(LoadError::Crashed {
        during: loading.name(),
        error,
    })
}

impl Loading {
    const fn name(self) -> &'static str {
        match self {
            Self::Describe => "describe",
            Self::Configure => "configure",
        }
    }

    fn limits(self, limits: &Limits) -> Limits {
        Limits {
            cpu: LOADING_CPU,
            ..*limits
        }
    }

    pub(super) fn state(self, policy: &Arc<str>, limits: &Limits, imports: Imports) -> HostState {
        let mut state = HostState::loading(self.name(), policy, &self.limits(limits));
        if imports == Imports::ContractAndWasi {
            state.wasi = Some(Box::new(EmptyWasi::new(
                jiff::Timestamp::UNIX_EPOCH,
                policy.as_bytes(),
            )));
        }
        state
    }
}
