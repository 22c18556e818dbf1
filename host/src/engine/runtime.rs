//! The two wasmtime engines: one that judges requests, one that prepares policies.

use std::sync::Arc;

use wasmtime::component::{Component, InstancePre, Linker};
use wasmtime::{Config, Enabled, Engine, Module, OptLevel, PoolingAllocationConfig, Store};

use super::abi;
use super::imprint;
use super::limits;
use super::state::HostState;
use super::ticker::Ticker;

/// The most linear memory that any policy may be given, in bytes.
pub const MEMORY_CEILING: usize = 256 << 20;

/// Kept mapped between two uses of a memory slot. A page that stays mapped costs a copy of what a
/// guest wrote there; one that does not costs a page fault.
const KEEP_RESIDENT: usize = 256 << 10;
const STACK: usize = 1 << 20;
const WASM_STACK: usize = 512 << 10;

/// A wasmtime engine with the linkers of the contract, and the ticker that ends its guests' time.
///
/// Only a runtime makes stores, and each store keeps the ticker running: no guest can outlive what
/// bounds its CPU time, whoever drops what.
pub(super) struct Runtime {
    engine: Engine,
    ticker: Arc<Ticker>,
    plain: Linker<HostState>,
    with_wasi: Linker<HostState>,
}

impl Runtime {
    fn new(engine: Engine, ticker: Arc<Ticker>) -> wasmtime::Result<Self> {
        let mut plain = Linker::new(&engine);
        abi::add_to_linker(&mut plain)?;
        let mut with_wasi = plain.clone();
        wasmtime_wasi::p2::add_to_linker_async(&mut with_wasi)?;
        Ok(Self {
            engine,
            ticker,
            plain,
            with_wasi,
        })
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Resolves the imports of a compiled component.
    pub(super) fn link(
        &self,
        component: &Component,
        imports: Imports,
    ) -> wasmtime::Result<InstancePre<HostState>> {
        self.linker(imports).instantiate_pre(component)
    }

    /// The same for a program that is completed by an imprint.
    pub(super) fn link_with(
        &self,
        program: &Component,
        imprint: &[u8],
        imports: Imports,
    ) -> wasmtime::Result<InstancePre<HostState>> {
        let imprint = Module::new(&self.engine, imprint)?;
        let mut linker = self.linker(imports).clone();
        linker.root().module(imprint::IMPORT, &imprint)?;
        linker.instantiate_pre(program)
    }

    const fn linker(&self, imports: Imports) -> &Linker<HostState> {
        match imports {
            Imports::Contract => &self.plain,
            Imports::ContractAndWasi => &self.with_wasi,
        }
    }

    /// A fresh store with every bound in place.
    pub(super) fn store(&self, state: HostState) -> Store<HostState> {
        let mut store = Store::new(&self.engine, state);
        limits::bind(&mut store, Arc::clone(&self.ticker));
        store
    }
}

/// The two runtimes of an engine, under one ticker.
pub(super) struct Runtimes {
    /// For requests: optimised code in a pool of prepared slots.
    pub(super) requests: Runtime,
    /// For `describe`, `configure` and the snapshot: code that is run once, compiled quickly.
    pub(super) loading: Runtime,
}

impl Runtimes {
    /// Reserves a pool of `slots` for requests, and starts counting time for guests.
    pub(super) fn start(slots: u32) -> wasmtime::Result<Self> {
        let requests = Engine::new(common().allocation_strategy(pool(slots)))?;
        let loading = Engine::new(common().cranelift_opt_level(OptLevel::None))?;
        let ticker = Arc::new(Ticker::start([&requests, &loading])?);
        Ok(Self {
            requests: Runtime::new(requests, Arc::clone(&ticker))?,
            loading: Runtime::new(loading, ticker)?,
        })
    }
}

/// What a component is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) enum Imports {
    /// The contract alone.
    Contract,
    /// The contract and the empty WASI.
    ContractAndWasi,
}

fn common() -> Config {
    let mut config = Config::new();
    config.wasm_component_model(true);
    config.epoch_interruption(true);
    config.cranelift_opt_level(OptLevel::Speed);
    config.max_wasm_stack(WASM_STACK);
    config.async_stack_size(STACK);
    // A trap's reason is told; frames of optimised guests mostly have no names to tell.
    config.wasm_backtrace_max_frames(None);
    config
}

fn pool(slots: u32) -> PoolingAllocationConfig {
    // One component alone always fits, however few slots there are.
    let total = |each: u32, one: u32| slots.saturating_mul(each).max(one);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(slots)
        .total_stacks(slots)
        // JavaScript and Python components consist of many core instances and tables; the imprint is
        // one more.
        .max_core_instances_per_component(65)
        .total_core_instances(total(16, 65))
        .max_memories_per_component(4)
        .total_memories(total(2, 4))
        .max_tables_per_component(64)
        .total_tables(total(16, 64))
        .max_tables_per_module(16)
        .table_elements(100_000)
        .max_component_instance_size(4 << 20)
        .max_core_instance_size(4 << 20)
        .max_memory_size(MEMORY_CEILING)
        .linear_memory_keep_resident(KEEP_RESIDENT)
        .table_keep_resident(64 << 10)
        .pagemap_scan(Enabled::Auto);
    pool
}
