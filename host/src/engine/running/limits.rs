//! What one evaluation may use, and how a store enforces it.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::{ResourceLimiter, Store, UpdateDeadline};

use super::runtime::Ticker;
use super::state::HostState;

/// The length of one epoch tick.
pub const TICK: Duration = Duration::from_millis(10);

/// Bytes that a guest may hand to the host in one call.
const HOSTCALL_BYTES: usize = 1 << 20;
const COMPONENT_HANDLES: usize = 1_000;
const TABLE_ELEMENTS: usize = 100_000;

/// What one evaluation may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Linear memory of the guest, in bytes: the sum of all its memories.
    pub memory: usize,
    /// CPU of the guest, counted in epoch ticks of 10 ms; at least one.
    pub cpu: Duration,
    /// Wall-clock time of one evaluation, host calls included. The request's deadline may end it sooner.
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

/// Counts what a store has used, so that the error can name the limit that was reached.
#[derive(Debug)]
pub(crate) struct Usage {
    memory: usize,
    memory_limit: usize,
    cpu_ticks_left: u64,
    /// The next tick passed while the guest waited for the host.
    waited: bool,
    /// The limit that stopped the guest, if one did.
    pub(super) exceeded: Option<ExceededLimit>,
}

/// A limit that a guest can reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ExceededLimit {
    Memory,
    Tables,
    Cpu,
}

impl Usage {
    pub(crate) fn new(limits: &Limits) -> Self {
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

    /// Records that the guest waited for the host, which is no CPU time. The callback runs once for all
    /// ticks of one wait, and certainly after a wait of a whole tick.
    pub(crate) fn waited(&mut self, time: Duration) {
        self.waited |= time >= TICK;
    }

    /// Lets the snapshot's accessors copy a memory of any allowed size, and grow it by a page.
    pub(crate) fn relax_for_snapshot(store: &mut Store<HostState>) {
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
            self.exceeded = Some(ExceededLimit::Memory);
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
            self.exceeded = Some(ExceededLimit::Tables);
            return Ok(false);
        }
        Ok(true)
    }
}

/// Puts every limit on a new store. The store keeps the ticker running.
pub(crate) fn bind(store: &mut Store<HostState>, ticker: Arc<Ticker>) {
    store.limiter(|state| &mut state.usage);
    store.set_hostcall_fuel(HOSTCALL_BYTES);
    store.set_max_component_handles(COMPONENT_HANDLES);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(move |mut context| {
        let _kept_alive = &ticker;
        let usage = &mut context.data_mut().usage;
        if !std::mem::take(&mut usage.waited) {
            usage.cpu_ticks_left = usage.cpu_ticks_left.saturating_sub(1);
        }
        if usage.cpu_ticks_left == 0 {
            usage.exceeded = Some(ExceededLimit::Cpu);
            return Ok(UpdateDeadline::Interrupt);
        }
        Ok(UpdateDeadline::Yield(1))
    });
}
