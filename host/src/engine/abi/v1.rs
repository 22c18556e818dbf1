//! Contract `rollgate:policy@0.1.0`: what the guest imports, and the calls into it.

mod answers;
mod clock;
mod facts;
mod objects;

use wasmtime::component::{HasSelf, Linker, Resource};
use wasmtime::{Result, Store};

use super::Description;
use crate::engine::error::SettingsProblem;
use crate::engine::log::GuestLevel;
use crate::engine::state::HostState;
use bindings::rollgate::policy::log;
pub(in crate::engine) use objects::Handed;
use objects::RolloutHandle;
use rollgate_model::{Failure, Verdict};

/// The version that this adapter speaks.
pub(in crate::engine) const VERSION: &str = "0.1.0";

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
            "rollgate:policy/metrics.metrics-error" => super::facts::MissingFact,
            "rollgate:policy/cluster.cluster-error" => super::facts::MissingFact,
        },
        with: {
            "rollgate:policy/types.rollout": super::objects::RolloutHandle,
            "rollgate:policy/types.workload": super::objects::WorkloadHandle,
        },
    });
}

/// A compiled policy with its imports resolved.
pub(in crate::engine) struct GuestPre(bindings::PolicyPre<HostState>);

/// A running policy.
pub(in crate::engine) struct Guest(bindings::Policy);

/// Gives a linker the imports of the contract.
pub(in crate::engine) fn add_to_linker(linker: &mut Linker<HostState>) -> Result<()> {
    bindings::Policy::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
    objects::share_containers(linker)
}

impl GuestPre {
    pub(in crate::engine) fn new(pre: wasmtime::component::InstancePre<HostState>) -> Result<Self> {
        bindings::PolicyPre::new(pre).map(Self)
    }

    pub(in crate::engine) async fn instantiate(
        &self,
        store: &mut Store<HostState>,
    ) -> Result<Guest> {
        self.0.instantiate_async(store).await.map(Guest)
    }
}

impl Guest {
    /// The exports of an instance that was made without a `GuestPre`.
    pub(in crate::engine) fn of(
        store: &mut Store<HostState>,
        instance: &wasmtime::component::Instance,
    ) -> Result<Self> {
        bindings::Policy::new(store, instance).map(Self)
    }

    pub(in crate::engine) async fn describe(
        &self,
        store: &mut Store<HostState>,
    ) -> Result<Description> {
        let said = self.0.rollgate_policy_guest().call_describe(store).await?;
        Ok(answers::description(said))
    }

    pub(in crate::engine) async fn configure(
        &self,
        store: &mut Store<HostState>,
        settings: &str,
    ) -> Result<Result<(), Vec<SettingsProblem>>> {
        let said = self
            .0
            .rollgate_policy_guest()
            .call_configure(store, settings)
            .await?;
        Ok(said.map_err(answers::settings_problems))
    }

    /// Judges the review in the store's state.
    pub(in crate::engine) async fn evaluate(
        &self,
        store: &mut Store<HostState>,
    ) -> Result<Result<Verdict, EvaluateAnswer>> {
        let rollout = Resource::<RolloutHandle>::new_borrow(objects::THE_ROLLOUT);
        let said = self
            .0
            .rollgate_policy_guest()
            .call_evaluate(store, rollout)
            .await?;
        Ok(match said {
            Ok(verdict) => Ok(answers::verdict(verdict)),
            Err(failure) => Err(EvaluateAnswer::Failed(answers::failure(failure))),
        })
    }
}

/// An answer to `evaluate` that is no verdict.
pub(in crate::engine) enum EvaluateAnswer {
    /// The policy could not be evaluated.
    Failed(Failure),
    /// The policy contradicts what it said at load, for this reason.
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
        self.panic = Some(crate::engine::log::one_line(&message).into_owned());
        Ok(())
    }
}
