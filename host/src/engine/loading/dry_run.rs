//! Runs `describe` and `configure` before there is a rollout to evaluate, without access to metrics or
//! the cluster.

use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::OnceCell;
use wasmtime::Store;
use wasmtime::component::{Component, Instance, InstancePre};
use wasmtime_wizer::Wizer;

use super::compiler::Compiler;
use super::configured_memory::Template;
use super::module::{Module, PolicyComponent};
use super::{PreparedModule, run_blocking};
use crate::engine::abi::{Description, Guest};
use crate::engine::error::LoadError;
use crate::engine::running::cpu::CpuMeter;
use crate::engine::running::limits::Limits;
use crate::engine::running::outcome::{self, NotStarted};
use crate::engine::running::runtime::{Imports, Runtime};
use crate::engine::running::shares::Claimant;
use crate::engine::running::state::{HostState, Phase};
use crate::engine::running::turns::InTurns;
use crate::engine::running::wasi::EmptyWasi;

/// Unoptimised code that sets up a language's runtime may take a while.
const CPU: Duration = Duration::from_secs(5);
/// Stops a guest that sleeps instead of computing.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A component compiled for dry runs, with the accessors that a snapshot needs if it can have them.
/// All policies of one module share it.
pub(super) struct DryRunComponent {
    module: Module,
    pub(super) imports: Imports,
    /// Why the component has no accessors, if it has none.
    pub(super) no_accessors: Option<String>,
    runtime: Arc<Runtime>,
    linked: InstancePre<HostState>,
    /// The component as it was before the accessors were added.
    original: OnceCell<Arc<[u8]>>,
    pub(super) description: OnceCell<Description>,
    /// How to split the memory that `configure` leaves, once one policy showed it.
    pub(super) template: OnceLock<Template>,
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
    /// Compiles a module.
    pub(super) async fn compile(
        runtime: &Arc<Runtime>,
        compiler: &Compiler,
        module: &Module,
    ) -> Result<Self, LoadError> {
        let file = module.clone();
        let PolicyComponent { bytes, imports } =
            run_blocking(move || file.componentize()).await??;
        let original = Arc::clone(&bytes);
        let instrument = move || match Wizer::new().instrument_component(&bytes) {
            Ok((_, instrumented)) => (instrumented.into(), None),
            Err(error) => (Arc::clone(&bytes), Some(format!("{error:#}"))),
        };
        let (instrumented, no_accessors) = run_blocking(instrument).await?;
        let compiled = compiler
            .compile(runtime.engine(), instrumented, LoadError::NoContract)
            .await?;
        let component = Self::link(runtime, module, &compiled, imports, no_accessors)?;
        Ok(Self {
            original: OnceCell::new_with(Some(original)),
            ..component
        })
    }

    /// Takes what an earlier process compiled.
    pub(super) fn of_cached(
        runtime: &Arc<Runtime>,
        module: &Module,
        prepared: PreparedModule,
        code: &Component,
    ) -> Result<Self, LoadError> {
        let PreparedModule {
            imports,
            no_accessors,
            description,
        } = prepared;
        Ok(Self {
            description: OnceCell::new_with(Some(description)),
            ..Self::link(runtime, module, code, imports, no_accessors)?
        })
    }

    fn link(
        runtime: &Arc<Runtime>,
        module: &Module,
        code: &Component,
        imports: Imports,
        no_accessors: Option<String>,
    ) -> Result<Self, LoadError> {
        let linked = runtime
            .link(code, imports)
            .map_err(|error| LoadError::Mismatch(format!("{error:#}")))?;
        Ok(Self {
            module: module.clone(),
            imports,
            no_accessors,
            runtime: Arc::clone(runtime),
            linked,
            original: OnceCell::new(),
            description: OnceCell::new(),
            template: OnceLock::new(),
        })
    }

    pub(super) fn code(&self) -> &Component {
        self.linked.component()
    }

    /// Returns the component without the accessors.
    pub(super) async fn original(&self) -> Result<Arc<[u8]>, LoadError> {
        let module = self.module.clone();
        let componentize = async || {
            let component = run_blocking(move || module.componentize()).await??;
            Ok(component.bytes)
        };
        self.original.get_or_try_init(componentize).await.cloned()
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
        let meter = store.data().usage.cpu.clone();
        let described = self.in_turns(meter, async {
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
        let meter = store.data().usage.cpu.clone();
        let configured = self.in_turns(meter, async {
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

    /// Runs a guest until it ends or has taken too long. Loads have threads of their own, so it needs no
    /// turn before it has computed for a tick.
    async fn in_turns<T>(
        &self,
        meter: CpuMeter,
        call: impl Future<Output = wasmtime::Result<T>>,
    ) -> wasmtime::Result<T> {
        let turns = Arc::clone(self.component.runtime.turns());
        let claimant = Claimant::loading(&self.policy);
        let call = pin!(call);
        let call = InTurns::new(call, meter, turns, claimant).after_first_tick();
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

    fn store(&self, call: Call) -> Store<HostState> {
        let mut state = HostState::for_loading(call.name(), &self.policy, &self.limits);
        if self.component.imports == Imports::ContractAndWasi {
            let wasi = EmptyWasi::of_module(self.component.module.sha256());
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
