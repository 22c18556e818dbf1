//! A guest run before there is a rollout to judge: `describe` and `configure`, with the world out of
//! reach.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::Store;
use wasmtime::component::{Component, Instance, InstancePre};
use wasmtime_wizer::Wizer;

use super::abi::{Description, Guest};
use super::error::LoadError;
use super::limits::Limits;
use super::load::{aside, compile};
use super::module::PolicyComponent;
use super::outcome::{self, NotStarted};
use super::runtime::{Imports, Runtime};
use super::state::{HostState, Phase};
use super::wasi::EmptyWasi;

/// Unoptimised code that sets up a language's runtime may take a while.
const CPU: Duration = Duration::from_secs(5);
/// Bounds a guest that sleeps instead of computing.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A component compiled for the loader, with the accessors that a snapshot needs where it can have
/// them. Policies of one module rehearse on the same.
pub(super) struct Stage {
    pub(super) component: PolicyComponent,
    /// Why there are no accessors, if there are none.
    pub(super) plain: Option<String>,
    runtime: Arc<Runtime>,
    linked: InstancePre<HostState>,
}

/// One policy on it.
pub(super) struct Rehearsal {
    pub(super) stage: Arc<Stage>,
    policy: Arc<str>,
    limits: Limits,
}

/// What a guest is asked.
#[derive(Clone, Copy, Debug)]
enum Call {
    Describe,
    Configure,
}

impl Stage {
    pub(super) async fn of(
        runtime: &Arc<Runtime>,
        component: PolicyComponent,
    ) -> Result<Self, LoadError> {
        let original = Arc::clone(&component.bytes);
        let instrument = move || match Wizer::new().instrument_component(&original) {
            Ok((_, instrumented)) => (instrumented.into(), None),
            Err(error) => (Arc::clone(&original), Some(format!("{error:#}"))),
        };
        let (bytes, plain) = aside(instrument).await?;
        let compiled: Component = compile(runtime.engine(), bytes).await?;
        let linked = runtime
            .link(&compiled, component.imports)
            .map_err(|error| LoadError::Mismatch(format!("{error:#}")))?;
        Ok(Self {
            component,
            plain,
            runtime: Arc::clone(runtime),
            linked,
        })
    }

    pub(super) fn is_of(&self, runtime: &Arc<Runtime>) -> bool {
        Arc::ptr_eq(&self.runtime, runtime)
    }
}

impl Rehearsal {
    pub(super) const fn of(stage: Arc<Stage>, policy: Arc<str>, limits: Limits) -> Self {
        Self {
            stage,
            policy,
            limits: Limits { cpu: CPU, ..limits },
        }
    }

    /// What the module says of itself, in an instance that is then thrown away.
    pub(super) async fn describe(&self) -> Result<Description, LoadError> {
        let mut store = self.store(Call::Describe);
        let described = in_time(async {
            let instance = self.instantiate(&mut store).await?;
            let guest = Guest::of(&mut store, &instance)?;
            guest.describe(&mut store).await
        });
        let described = described.await;
        self.settle(described, &store, Call::Describe)
    }

    /// An instance that has taken its settings.
    pub(super) async fn configure(
        &self,
        settings: &str,
    ) -> Result<(Store<HostState>, Instance), LoadError> {
        let mut store = self.store(Call::Configure);
        let configured = in_time(async {
            let instance = self.instantiate(&mut store).await?;
            let guest = Guest::of(&mut store, &instance)?;
            Ok((guest.configure(&mut store, settings).await?, instance))
        });
        let configured = configured.await;
        let (taken, instance) = self.settle(configured, &store, Call::Configure)?;
        taken.map_err(LoadError::Settings)?;
        Ok((store, instance))
    }

    async fn instantiate(&self, store: &mut Store<HostState>) -> wasmtime::Result<Instance> {
        let instance = self.stage.linked.instantiate_async(store).await;
        instance.map_err(|error| error.context(NotStarted))
    }

    fn store(&self, call: Call) -> Store<HostState> {
        let mut state = HostState::loading(call.name(), &self.policy, &self.limits);
        if self.stage.component.imports == Imports::ContractAndWasi {
            let wasi = EmptyWasi::of_module(&self.stage.component.digest);
            state.wasi = Some(Box::new(wasi));
        }
        self.stage.runtime.store(state)
    }

    /// Turns what became of a call into words.
    fn settle<T>(
        &self,
        result: wasmtime::Result<T>,
        store: &Store<HostState>,
        call: Call,
    ) -> Result<T, LoadError> {
        result.map_err(|error| match store.data().phase {
            Phase::Loading {
                during,
                asked_too_early: Some(call),
            } => LoadError::AskedTooEarly { call, during },
            _ => LoadError::Crashed {
                during: call.name(),
                error: outcome::explain(&error, store.data(), &self.limits),
            },
        })
    }
}

impl Call {
    const fn name(self) -> &'static str {
        match self {
            Self::Describe => "describe",
            Self::Configure => "configure",
        }
    }
}

async fn in_time<T>(call: impl Future<Output = wasmtime::Result<T>>) -> wasmtime::Result<T> {
    let late = |_| {
        Err(wasmtime::format_err!(
            "no answer after {} s",
            TIMEOUT.as_secs()
        ))
    };
    tokio::time::timeout(TIMEOUT, call)
        .await
        .unwrap_or_else(late)
}
