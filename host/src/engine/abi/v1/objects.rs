//! The two resources that a guest reads: the rollout and its workloads.
//!
//! Their handles have no state: a store evaluates one review, so the number in a handle only selects one
//! of its objects, and there is no table of handles.

use std::sync::{Arc, OnceLock};

use rollgate_model::{Rollout, Workload};
use wasmtime::Result;
use wasmtime::component::{Linker, Resource};

use super::bindings::rollgate::policy::types;
use super::json::{self, TooLong};
use crate::engine::running::outcome::NoTemplate;
use crate::engine::running::state::HostState;

/// The rollout of this store's review.
#[expect(unreachable_pub, reason = "the generated bindings export it again")]
pub struct RolloutHandle;

/// The new or the old workload of this store's review, or its baseline.
#[expect(unreachable_pub, reason = "the generated bindings export it again")]
pub struct WorkloadHandle;

pub(super) const THE_ROLLOUT: u32 = 0;
const NEW: u32 = 0;
const OLD: u32 = 1;
const BASELINE: u32 = 2;

/// The containers of the new, old and baseline workload, converted when the first policy of a review
/// reads them, and shared with the others.
#[derive(Default)]
pub(crate) struct SharedContainers {
    new: OnceLock<Arc<[types::Container]>>,
    old: OnceLock<Arc<[types::Container]>>,
    baseline: OnceLock<Arc<[types::Container]>>,
}

/// Replaces the generated `containers` by one that returns the shared conversion: it is the one large
/// result, and nearly every policy reads it.
pub(super) fn share_containers(linker: &mut Linker<HostState>) -> Result<()> {
    linker.allow_shadowing(true);
    linker.instance(TYPES)?.func_wrap(
        "[method]workload.containers",
        |mut store, (this,): (Resource<WorkloadHandle>,)| {
            Ok((store.data_mut().shared_containers(&this)?,))
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}

const TYPES: &str = "rollgate:policy/types@0.1.0";

type Pairs = Vec<(String, String)>;

impl HostState {
    fn rollout(&mut self) -> Result<&Rollout> {
        Ok(&self.evaluation("rollout")?.review.rollout)
    }

    fn workload(&mut self, handle: &Resource<WorkloadHandle>) -> Result<&Arc<Workload>> {
        let rollout = self.rollout()?;
        let side = match handle.rep() {
            OLD => rollout.old(),
            BASELINE => rollout.baseline(),
            _ => rollout.new(),
        };
        side.ok_or_else(|| {
            wasmtime::format_err!("a handle to a workload that this rollout does not have")
        })
    }

    /// Returns the workload for a call that reads its Pod template.
    fn with_template(&mut self, handle: &Resource<WorkloadHandle>) -> Result<&Arc<Workload>> {
        let workload = self.workload(handle)?;
        match workload.no_template() {
            Some(why) => Err(NoTemplate(why).into()),
            None => Ok(workload),
        }
    }

    fn shared_containers(
        &mut self,
        handle: &Resource<WorkloadHandle>,
    ) -> Result<Arc<[types::Container]>> {
        let workload = Arc::clone(self.with_template(handle)?);
        let shared = &self.evaluation("workload.containers")?.review.containers;
        let side = match handle.rep() {
            OLD => &shared.old,
            BASELINE => &shared.baseline,
            _ => &shared.new,
        };
        let convert = || workload.containers().iter().map(Into::into).collect();
        Ok(Arc::clone(side.get_or_init(convert)))
    }
}

impl types::Host for HostState {}

impl types::HostRollout for HostState {
    fn change(&mut self, _: Resource<RolloutHandle>) -> Result<String> {
        Ok(self.rollout()?.change().as_str().to_owned())
    }

    fn change_note(&mut self, _: Resource<RolloutHandle>) -> Result<Option<String>> {
        Ok(self.rollout()?.change_note().map(str::to_owned))
    }

    fn operation(&mut self, _: Resource<RolloutHandle>) -> Result<String> {
        Ok(self.rollout()?.operation().as_str().to_owned())
    }

    fn user(&mut self, _: Resource<RolloutHandle>) -> Result<String> {
        Ok(self.rollout()?.user().to_owned())
    }

    fn groups(&mut self, _: Resource<RolloutHandle>) -> Result<Vec<String>> {
        Ok(self.rollout()?.groups().to_vec())
    }

    fn dry_run(&mut self, _: Resource<RolloutHandle>) -> Result<bool> {
        Ok(self.rollout()?.dry_run())
    }

    fn new(&mut self, _: Resource<RolloutHandle>) -> Result<Option<Resource<WorkloadHandle>>> {
        Ok(self.rollout()?.new().map(|_| Resource::new_own(NEW)))
    }

    fn old(&mut self, _: Resource<RolloutHandle>) -> Result<Option<Resource<WorkloadHandle>>> {
        Ok(self.rollout()?.old().map(|_| Resource::new_own(OLD)))
    }

    /// The baseline mostly is the old object; then both have the same handle and are converted once.
    fn baseline(&mut self, _: Resource<RolloutHandle>) -> Result<Option<Resource<WorkloadHandle>>> {
        let rollout = self.rollout()?;
        Ok(rollout.baseline().map(|baseline| {
            let is_old = rollout.old().is_some_and(|old| Arc::ptr_eq(old, baseline));
            Resource::new_own(if is_old { OLD } else { BASELINE })
        }))
    }

    fn drop(&mut self, _: Resource<RolloutHandle>) -> Result<()> {
        Ok(())
    }
}

impl types::HostWorkload for HostState {
    fn kind(&mut self, this: Resource<WorkloadHandle>) -> Result<String> {
        Ok(self.workload(&this)?.kind().as_str().to_owned())
    }

    fn api_version(&mut self, this: Resource<WorkloadHandle>) -> Result<String> {
        Ok(self.workload(&this)?.api_version().to_owned())
    }

    fn name(&mut self, this: Resource<WorkloadHandle>) -> Result<String> {
        Ok(self.workload(&this)?.name().to_owned())
    }

    fn namespace(&mut self, this: Resource<WorkloadHandle>) -> Result<String> {
        Ok(self.workload(&this)?.namespace().to_owned())
    }

    fn labels(&mut self, this: Resource<WorkloadHandle>) -> Result<Pairs> {
        Ok(self.workload(&this)?.labels().to_vec())
    }

    fn annotations(&mut self, this: Resource<WorkloadHandle>) -> Result<Pairs> {
        Ok(self.workload(&this)?.annotations().to_vec())
    }

    fn pod_labels(&mut self, this: Resource<WorkloadHandle>) -> Result<Pairs> {
        Ok(self.with_template(&this)?.pod_labels().to_vec())
    }

    fn pod_annotations(&mut self, this: Resource<WorkloadHandle>) -> Result<Pairs> {
        Ok(self.with_template(&this)?.pod_annotations().to_vec())
    }

    fn selector(&mut self, this: Resource<WorkloadHandle>) -> Result<Pairs> {
        Ok(self.workload(&this)?.selector().to_vec())
    }

    fn replicas(&mut self, this: Resource<WorkloadHandle>) -> Result<Option<i32>> {
        Ok(self.workload(&this)?.replicas())
    }

    fn strategy(&mut self, this: Resource<WorkloadHandle>) -> Result<Option<types::Strategy>> {
        Ok(self.workload(&this)?.strategy().map(Into::into))
    }

    fn min_ready_seconds(&mut self, this: Resource<WorkloadHandle>) -> Result<i32> {
        Ok(self.workload(&this)?.min_ready_seconds())
    }

    fn progress_deadline_seconds(&mut self, this: Resource<WorkloadHandle>) -> Result<Option<i32>> {
        Ok(self.workload(&this)?.progress_deadline_seconds())
    }

    fn paused(&mut self, this: Resource<WorkloadHandle>) -> Result<bool> {
        Ok(self.workload(&this)?.paused())
    }

    fn pod(&mut self, this: Resource<WorkloadHandle>) -> Result<Option<types::Pod>> {
        Ok(self.with_template(&this)?.pod().map(Into::into))
    }

    fn containers(&mut self, this: Resource<WorkloadHandle>) -> Result<Vec<types::Container>> {
        // Not reached: `share_containers` replaces it in the linker.
        Ok(self.shared_containers(&this)?.to_vec())
    }

    fn env(
        &mut self,
        this: Resource<WorkloadHandle>,
        container: u32,
    ) -> Result<Vec<types::EnvVar>> {
        Ok(self
            .with_template(&this)?
            .env(container)
            .into_iter()
            .map(Into::into)
            .collect())
    }

    fn env_from(
        &mut self,
        this: Resource<WorkloadHandle>,
        container: u32,
    ) -> Result<Vec<types::EnvFrom>> {
        Ok(self
            .with_template(&this)?
            .env_from(container)
            .into_iter()
            .map(Into::into)
            .collect())
    }

    fn volume_mounts(
        &mut self,
        this: Resource<WorkloadHandle>,
        container: u32,
    ) -> Result<Vec<types::VolumeMount>> {
        Ok(self
            .with_template(&this)?
            .volume_mounts(container)
            .into_iter()
            .map(Into::into)
            .collect())
    }

    fn volume_devices(&mut self, this: Resource<WorkloadHandle>, container: u32) -> Result<Pairs> {
        Ok(self.with_template(&this)?.volume_devices(container))
    }

    fn security_context(
        &mut self,
        this: Resource<WorkloadHandle>,
        container: u32,
    ) -> Result<Option<types::SecurityContext>> {
        Ok(self
            .with_template(&this)?
            .security_context(container)
            .map(Into::into))
    }

    fn json(&mut self, this: Resource<WorkloadHandle>, pointer: String) -> Result<Option<String>> {
        let most = self.usage.memory_left();
        let workload = self.workload(&this)?;
        if let Some(why) = workload.no_template_at(&pointer) {
            return Err(NoTemplate(why).into());
        }
        let Some(value) = workload.json(&pointer) else {
            return Ok(None);
        };
        match json::text_of_at_most(value, most) {
            Ok(text) => Ok(Some(text)),
            Err(TooLong) => Err(self.usage.exceed_memory()),
        }
    }

    fn drop(&mut self, _: Resource<WorkloadHandle>) -> Result<()> {
        Ok(())
    }
}
