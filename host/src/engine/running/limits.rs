//! What one evaluation may use, and how a store enforces it.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::{ResourceLimiter, Store, UpdateDeadline};

use super::cpu::CpuMeter;
use super::state::HostState;
use super::ticker::Ticker;

/// The length of one epoch tick, and the accuracy of the CPU limit.
pub const TICK: Duration = Duration::from_millis(10);

/// Bytes that a guest may hand to the host in one call.
const HOSTCALL_BYTES: usize = 1 << 20;
const COMPONENT_HANDLES: usize = 1_000;
/// The most elements of one table.
pub(super) const TABLE_ELEMENTS: usize = 100_000;

/// What one evaluation may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Memory of the guest, in bytes: the sum of all its memories and tables, and what the host reads for
    /// it while it copies that into them.
    pub memory: usize,
    /// CPU time of the guest, checked at epoch ticks of at most 10 ms.
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
pub(crate) struct Usage {
    memory: usize,
    memory_limit: usize,
    pub(crate) cpu: CpuMeter,
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

/// Stops a guest that needs more memory than its limit; the usage says so too.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the policy needs more memory than its limit")]
struct OutOfMemory;

impl Usage {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            memory: 0,
            memory_limit: limits.memory,
            cpu: CpuMeter::new(limits.cpu),
            exceeded: None,
        }
    }

    /// Returns how many bytes the guest may still take.
    pub(crate) const fn memory_left(&self) -> usize {
        self.memory_limit.saturating_sub(self.memory)
    }

    /// Checks that the host may hold so many bytes for the guest, which is about to get a copy.
    ///
    /// # Errors
    /// Stops the guest if they do not fit into what it has left.
    pub(crate) fn check_held_for_guest(&mut self, bytes: usize) -> wasmtime::Result<()> {
        if bytes > self.memory_left() {
            return Err(self.exceed_memory());
        }
        Ok(())
    }

    /// Returns the error that stops a guest because it has no memory left.
    pub(crate) fn exceed_memory(&mut self) -> wasmtime::Error {
        self.exceeded = Some(ExceededLimit::Memory);
        OutOfMemory.into()
    }

    fn grow(&mut self, bytes: usize) -> bool {
        if bytes > self.memory_left() {
            self.exceeded = Some(ExceededLimit::Memory);
            return false;
        }
        self.memory += bytes;
        true
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
        Ok(self.grow(desired.saturating_sub(current)))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if desired > TABLE_ELEMENTS {
            self.exceeded = Some(ExceededLimit::Tables);
            return Ok(false);
        }
        let elements = desired.saturating_sub(current);
        Ok(self.grow(elements.saturating_mul(size_of::<usize>())))
    }
}

/// Puts every limit on a new store. The store keeps the ticker running.
pub(crate) fn bind(store: &mut Store<HostState>, ticker: Arc<Ticker>) {
    store.limiter(|state| &mut state.usage);
    store.set_hostcall_fuel(HOSTCALL_BYTES);
    store.set_max_component_handles(COMPONENT_HANDLES);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(move |mut context| {
        ticker.hurry();
        let usage = &mut context.data_mut().usage;
        Ok(if usage.cpu.is_exceeded() {
            usage.exceeded = Some(ExceededLimit::Cpu);
            UpdateDeadline::Interrupt
        } else {
            // Whoever polls the guest gives its turn to the next one meanwhile.
            UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now()))
        })
    });
}
