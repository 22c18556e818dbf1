//! Contract `rollgate:policy@0.1.0`: the guest's imports, and calls of its exports.

mod clock;
mod json;
mod objects;
mod records;
mod results;
mod sources;

use wasmtime::component::{HasSelf, Linker, Resource};
use wasmtime::{Result, Store};

use super::Description;
use crate::engine::error::SettingsProblem;
use crate::engine::running::log::{GuestLevel, guest_text};
use crate::engine::running::state::HostState;
use bindings::rollgate::policy::log;
use objects::RolloutHandle;
pub(crate) use objects::SharedContainers;
use rollgate_model::{Failure, Verdict};

/// The version that this adapter implements.
pub(crate) const VERSION: &str = "0.1.0";

mod bindings {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "policy",
        imports: {
            "rollgate:policy/metrics.query": async | trappable,
            "rollgate:policy/metrics.query-range": async | trappable,
            "rollgate:policy/cluster.get": async | trappable,
            "rollgate:policy/cluster.list": async | trappable,
            "rollgate:policy/cluster.get-fresh": async | trappable,
            "rollgate:policy/cluster.list-fresh": async | trappable,
            default: trappable,
        },
        exports: { default: async },
        trappable_error_type: {
            "rollgate:policy/metrics.metrics-error" => super::sources::CallError,
            "rollgate:policy/cluster.cluster-error" => super::sources::CallError,
        },
        with: {
            "rollgate:policy/types.rollout": super::objects::RolloutHandle,
            "rollgate:policy/types.workload": super::objects::WorkloadHandle,
        },
    });
}

/// A compiled policy with its imports resolved.
pub(crate) struct GuestPre(bindings::PolicyPre<HostState>);

/// A running policy.
pub(crate) struct Guest(bindings::Policy);

/// Adds the imports of the contract to a linker.
pub(crate) fn add_to_linker(linker: &mut Linker<HostState>) -> Result<()> {
    bindings::Policy::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
    objects::share_containers(linker)
}

impl GuestPre {
    pub(crate) fn new(pre: wasmtime::component::InstancePre<HostState>) -> Result<Self> {
        bindings::PolicyPre::new(pre).map(Self)
    }

    pub(crate) async fn instantiate(&self, store: &mut Store<HostState>) -> Result<Guest> {
        self.0.instantiate_async(store).await.map(Guest)
    }
}

impl Guest {
    /// Finds the exports of an instance that was created without a `GuestPre`.
    pub(crate) fn of(
        store: &mut Store<HostState>,
        instance: &wasmtime::component::Instance,
    ) -> Result<Self> {
        bindings::Policy::new(store, instance).map(Self)
    }

    pub(crate) async fn describe(&self, store: &mut Store<HostState>) -> Result<Description> {
        let said = self.0.rollgate_policy_guest().call_describe(store).await?;
        Ok(results::description(said))
    }

    pub(crate) async fn configure(
        &self,
        store: &mut Store<HostState>,
        settings: &str,
    ) -> Result<Result<(), Vec<SettingsProblem>>> {
        let said = self
            .0
            .rollgate_policy_guest()
            .call_configure(store, settings)
            .await?;
        Ok(said.map_err(results::settings_problems))
    }

    /// Evaluates the review in the store's state.
    pub(crate) async fn evaluate(
        &self,
        store: &mut Store<HostState>,
    ) -> Result<Result<Verdict, GuestError>> {
        let rollout = Resource::<RolloutHandle>::new_borrow(objects::THE_ROLLOUT);
        let said = self
            .0
            .rollgate_policy_guest()
            .call_evaluate(store, rollout)
            .await?;
        Ok(match said {
            Ok(verdict) => Ok(results::verdict(verdict)),
            Err(failure) => Err(GuestError::Failed(results::failure(failure))),
        })
    }
}

/// Why `evaluate` returned no verdict.
pub(crate) enum GuestError {
    /// The policy could not evaluate the rollout.
    Failed(Failure),
    /// The policy contradicts its `configure` at load.
    Nonsense(String),
}

impl log::Host for HostState {
    fn write(&mut self, level: log::Level, message: String) -> Result<()> {
        let level = match level {
            log::Level::Debug => GuestLevel::Debug,
            log::Level::Info => GuestLevel::Info,
            log::Level::Warn => GuestLevel::Warn,
            log::Level::Error => GuestLevel::Error,
        };
        self.log.write(level, &message);
        Ok(())
    }

    fn panicked(&mut self, message: String) -> Result<()> {
        self.panic = Some(guest_text(&message).into_owned());
        Ok(())
    }
}
