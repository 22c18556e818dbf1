//! What one evaluation may use, and how a store is held to it.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::{ResourceLimiter, Store, UpdateDeadline};

use super::state::HostState;
use super::ticker::Ticker;

/// The length of one epoch tick.
pub const TICK: Duration = Duration::from_millis(10);

/// Bytes that a guest may hand to the host in one call.
const HOSTCALL_BYTES: usize = 1 << 20;
const COMPONENT_HANDLES: usize = 1_000;
const TABLE_ELEMENTS: usize = 100_000;

/// What one evaluation may use up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Linear memory of the guest, in bytes, all its memories together.
    pub memory: usize,
    /// CPU of the guest, counted in epoch ticks of 10 ms; at least one.
    pub cpu: Duration,
    /// Wall-clock time of one evaluation, host calls included; the request's deadline may be nearer.
    pub timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 16 << 20,
            cpu: Duration::from_millis(100),
            timeout: Duration::from_secs(2),
        }
    }
}

/// Counts what a store has used, so that the error can say which bound was hit.
#[derive(Debug)]
pub(super) struct Usage {
    memory: usize,
    memory_limit: usize,
    cpu_ticks_left: u64,
    /// The tick that comes next passed while the guest waited for the host.
    waited: bool,
    /// The bound that stopped the guest, if one did.
    pub(super) exceeded: Option<Bound>,
}

/// A bound that a guest can run into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bound {
    Memory,
    Tables,
    Cpu,
}

impl Usage {
    pub(super) fn new(limits: &Limits) -> Self {
        // The first tick may come at once: one more than the limit keeps a whole tick from being lost.
        let ticks = limits.cpu.as_millis().div_ceil(TICK.as_millis()) + 1;
        Self {
            memory: 0,
            memory_limit: limits.memory,
            cpu_ticks_left: u64::try_from(ticks).unwrap_or(u64::MAX),
            waited: false,
            exceeded: None,
        }
    }

    /// Gives a guest that is used again the time of a fresh one.
    pub(super) fn refill_cpu(&mut self, limits: &Limits) {
        self.cpu_ticks_left = Self::new(limits).cpu_ticks_left;
    }

    /// The guest waited for the host for so long: that is no CPU time of it. The ticks of one wait
    /// are seen as one by the callback, and it comes for certain after a wait of a whole tick.
    pub(super) fn waited(&mut self, time: Duration) {
        self.waited |= time >= TICK;
    }

    /// Lets the snapshot's accessors copy a memory of any allowed size, and grow it by a page.
    pub(super) fn relax_for_snapshot(store: &mut Store<HostState>) {
        let usage = &mut store.data_mut().usage;
        usage.memory_limit = usage.memory_limit.saturating_mul(2).saturating_add(1 << 20);
        let fuel = usage.memory_limit.saturating_mul(2);
        store.set_hostcall_fuel(fuel);
    }
}

impl ResourceLimiter for Usage {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let total = self.memory.saturating_add(desired.saturating_sub(current));
        if total > self.memory_limit {
            self.exceeded = Some(Bound::Memory);
            return Ok(false);
        }
        self.memory = total;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if desired > TABLE_ELEMENTS {
            self.exceeded = Some(Bound::Tables);
            return Ok(false);
        }
        Ok(true)
    }
}

/// Puts every bound on a fresh store, which keeps the ticker running for as long as it lives.
pub(super) fn bind(store: &mut Store<HostState>, ticker: Arc<Ticker>) {
    store.limiter(|state| &mut state.usage);
    store.set_hostcall_fuel(HOSTCALL_BYTES);
    store.set_max_component_handles(COMPONENT_HANDLES);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(move |mut context| {
        let _runs_with_the_store = &ticker;
        let usage = &mut context.data_mut().usage;
        if !std::mem::take(&mut usage.waited) {
            usage.cpu_ticks_left = usage.cpu_ticks_left.saturating_sub(1);
        }
        if usage.cpu_ticks_left == 0 {
            usage.exceeded = Some(Bound::Cpu);
            return Ok(UpdateDeadline::Interrupt);
        }
        Ok(UpdateDeadline::Yield(1))
    });
}
