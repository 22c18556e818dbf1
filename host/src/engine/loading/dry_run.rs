//! Runs `describe` and `configure` before there is a rollout to evaluate, without access to metrics or
//! the cluster.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::Store;
use wasmtime::component::{Component, Instance, InstancePre};
use wasmtime_wizer::Wizer;

use super::module::PolicyComponent;
use super::{compile, run_blocking};
use crate::engine::abi::{Description, Guest};
use crate::engine::error::LoadError;
use crate::engine::running::limits::Limits;
use crate::engine::running::outcome::{self, NotStarted};
use crate::engine::running::runtime::{Imports, Runtime};
use crate::engine::running::state::{HostState, Phase};
use crate::engine::running::wasi::EmptyWasi;

/// Unoptimised code that sets up a language's runtime may take a while.
const CPU: Duration = Duration::from_secs(5);
/// Stops a guest that sleeps instead of computing.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A component compiled for dry runs, with the accessors that a snapshot needs if it can have them.
/// All policies of one module share it.
pub(super) struct DryRunComponent {
    pub(super) original: PolicyComponent,
    /// Why the component has no accessors, if it has none.
    pub(super) no_accessors: Option<String>,
    runtime: Arc<Runtime>,
    linked: InstancePre<HostState>,
}

/// The dry run of one policy.
pub(super) struct DryRun {
    pub(super) component: Arc<DryRunComponent>,
    policy: Arc<str>,
    limits: Limits,
}

/// An export of the guest that a dry run calls.
#[derive(Clone, Copy, Debug)]
enum Call {
    Describe,
    Configure,
}

impl DryRunComponent {
    pub(super) async fn compile(
        runtime: &Arc<Runtime>,
        original: PolicyComponent,
    ) -> Result<Self, LoadError> {
        let bytes = Arc::clone(&original.bytes);
        let instrument = move || match Wizer::new().instrument_component(&bytes) {
            Ok((_, instrumented)) => (instrumented.into(), None),
            Err(error) => (Arc::clone(&bytes), Some(format!("{error:#}"))),
        };
        let (bytes, no_accessors) = run_blocking(instrument).await?;
        let compiled: Component = compile(runtime.engine(), bytes, LoadError::NoContract).await?;
        let linked = runtime
            .link(&compiled, original.imports)
            .map_err(|error| LoadError::Mismatch(format!("{error:#}")))?;
        Ok(Self {
            original,
            no_accessors,
            runtime: Arc::clone(runtime),
            linked,
        })
    }

    pub(super) fn is_of(&self, runtime: &Arc<Runtime>) -> bool {
        Arc::ptr_eq(&self.runtime, runtime)
    }
}

impl DryRun {
    pub(super) const fn new(
        component: Arc<DryRunComponent>,
        policy: Arc<str>,
        limits: Limits,
    ) -> Self {
        Self {
            component,
            policy,
            limits: Limits { cpu: CPU, ..limits },
        }
    }

    /// Calls `describe` in an instance that is then dropped.
    pub(super) async fn describe(&self) -> Result<Description, LoadError> {
        let mut store = self.store(Call::Describe);
        let described = with_timeout(async {
            let instance = self.instantiate(&mut store).await?;
            let guest = Guest::of(&mut store, &instance)?;
            guest.describe(&mut store).await
        });
        let described = described.await;
        self.explain(described, &store, Call::Describe)
    }

    /// Calls `configure` and returns the configured instance.
    pub(super) async fn configure(
        &self,
        settings: &str,
    ) -> Result<(Store<HostState>, Instance), LoadError> {
        let mut store = self.store(Call::Configure);
        let configured = with_timeout(async {
            let instance = self.instantiate(&mut store).await?;
            let guest = Guest::of(&mut store, &instance)?;
            Ok((guest.configure(&mut store, settings).await?, instance))
        });
        let configured = configured.await;
        let (accepted, instance) = self.explain(configured, &store, Call::Configure)?;
        accepted.map_err(LoadError::Settings)?;
        Ok((store, instance))
    }

    async fn instantiate(&self, store: &mut Store<HostState>) -> wasmtime::Result<Instance> {
        let instance = self.component.linked.instantiate_async(store).await;
        instance.map_err(|error| error.context(NotStarted))
    }

    fn store(&self, call: Call) -> Store<HostState> {
        let mut state = HostState::for_loading(call.name(), &self.policy, &self.limits);
        if self.component.original.imports == Imports::ContractAndWasi {
            let wasi = EmptyWasi::of_module(&self.component.original.digest);
            state.wasi = Some(Box::new(wasi));
        }
        self.component.runtime.store(state)
    }

    fn explain<T>(
        &self,
        result: wasmtime::Result<T>,
        store: &Store<HostState>,
        call: Call,
    ) -> Result<T, LoadError> {
        result.map_err(|error| match store.data().phase {
            Phase::Loading {
                during,
                early_call: Some(call),
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

async fn with_timeout<T>(call: impl Future<Output = wasmtime::Result<T>>) -> wasmtime::Result<T> {
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
