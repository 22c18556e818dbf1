//! The two wasmtime engines: one evaluates policies for requests, one prepares policies.

use std::sync::Arc;

use wasmtime::component::{Component, InstancePre, Linker};
use wasmtime::{Config, Enabled, Engine, Module, OptLevel, PoolingAllocationConfig, Store};

use super::shares::Shares;
use super::state::HostState;
use super::ticker::Ticker;
use super::{limits, turns};
use crate::engine::abi;
use crate::engine::loading::cache::EngineDigest;
use crate::engine::loading::configured_memory;

/// The most linear memory that a policy can be given, in bytes.
pub(crate) const MEMORY_CEILING: usize = 256 << 20;

/// How much of a memory slot stays mapped between two uses, in bytes. A page that stays mapped costs a
/// copy of what a guest wrote there; one that does not costs a page fault.
const KEEP_RESIDENT: usize = 256 << 10;
/// The same for a table: most have a page or two, and there may be many.
const TABLE_KEEP_RESIDENT: usize = 8 << 10;
/// JavaScript and Python components consist of many core instances and tables; the configured memory is
/// one more.
const CORE_INSTANCES: u32 = 65;
const MEMORIES: u32 = 4;
const TABLES: u32 = 64;
const TABLES_OF_MODULE: u32 = 16;
const STACK: usize = 1 << 20;
const WASM_STACK: usize = 512 << 10;

/// A wasmtime engine with the linkers of the contract, and the ticker that limits CPU time.
///
/// Only a runtime creates stores, and each store keeps the ticker running. So no guest can outlive the
/// ticker, in whatever order things are dropped.
pub(crate) struct Runtime {
    engine: Engine,
    digest: EngineDigest,
    ticker: Arc<Ticker>,
    turns: Arc<Shares>,
    plain: Linker<HostState>,
    with_wasi: Linker<HostState>,
}

impl Runtime {
    fn new(engine: Engine, ticker: &Arc<Ticker>, turns: &Arc<Shares>) -> wasmtime::Result<Self> {
        let mut plain = Linker::new(&engine);
        abi::add_to_linker(&mut plain)?;
        let mut with_wasi = plain.clone();
        wasmtime_wasi::p2::add_to_linker_async(&mut with_wasi)?;
        Ok(Self {
            digest: EngineDigest::of(&engine),
            engine,
            ticker: Arc::clone(ticker),
            turns: Arc::clone(turns),
            plain,
            with_wasi,
        })
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Returns the part of a cache key that stands for the engine.
    pub(crate) const fn digest(&self) -> &EngineDigest {
        &self.digest
    }

    /// Resolves the imports of a compiled component.
    pub(crate) fn link(
        &self,
        component: &Component,
        imports: Imports,
    ) -> wasmtime::Result<InstancePre<HostState>> {
        self.linker(imports).instantiate_pre(component)
    }

    /// Resolves the imports of a program that imports its configured memory.
    pub(crate) fn link_with_memory(
        &self,
        program: &Component,
        memory: &[u8],
        imports: Imports,
    ) -> wasmtime::Result<InstancePre<HostState>> {
        let memory = Module::new(&self.engine, memory)?;
        let mut linker = self.linker(imports).clone();
        linker.root().module(configured_memory::IMPORT, &memory)?;
        linker.instantiate_pre(program)
    }

    const fn linker(&self, imports: Imports) -> &Linker<HostState> {
        match imports {
            Imports::Contract => &self.plain,
            Imports::ContractAndWasi => &self.with_wasi,
        }
    }

    /// Creates a store with every limit in place.
    pub(crate) fn store(&self, state: HostState) -> Store<HostState> {
        let mut store = Store::new(&self.engine, state);
        limits::bind(&mut store, Arc::clone(&self.ticker));
        store
    }

    /// Returns the turns to compute of all guests.
    pub(crate) const fn turns(&self) -> &Arc<Shares> {
        &self.turns
    }
}

/// The two runtimes of an engine. They share a ticker, and the turns to compute.
pub(crate) struct Runtimes {
    /// For requests: optimised code in a pool of prepared slots.
    pub(crate) requests: Runtime,
    /// For `describe`, `configure` and the snapshot: this code runs once, so it is compiled quickly.
    pub(crate) loading: Runtime,
}

impl Runtimes {
    /// Reserves a pool of `slots` for requests, and starts the ticker.
    pub(crate) fn start(slots: u32) -> wasmtime::Result<Self> {
        let requests = Engine::new(common().allocation_strategy(pool(slots)))?;
        let loading = Engine::new(common().cranelift_opt_level(OptLevel::None))?;
        let ticker = Arc::new(Ticker::start([&requests, &loading])?);
        let turns = turns::of_this_machine();
        Ok(Self {
            requests: Runtime::new(requests, &ticker, &turns)?,
            loading: Runtime::new(loading, &ticker, &turns)?,
        })
    }
}

/// What a component imports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) enum Imports {
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
    // Messages contain the reason of a trap. Frames of optimised guests mostly have no names.
    config.wasm_backtrace_max_frames(None);
    config
}

/// Reserves what `slots` components of the largest allowed shape need, so that no instantiation fails
/// because of the shape of others. This costs address space alone.
fn pool(slots: u32) -> PoolingAllocationConfig {
    let total = |each: u32| slots.saturating_mul(each);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(slots)
        .total_stacks(slots)
        .max_core_instances_per_component(CORE_INSTANCES)
        .total_core_instances(total(CORE_INSTANCES))
        .max_memories_per_component(MEMORIES)
        .total_memories(total(MEMORIES))
        .max_tables_per_component(TABLES)
        .total_tables(total(TABLES))
        .max_tables_per_module(TABLES_OF_MODULE)
        .table_elements(limits::TABLE_ELEMENTS)
        .max_component_instance_size(4 << 20)
        .max_core_instance_size(4 << 20)
        .max_memory_size(MEMORY_CEILING)
        .linear_memory_keep_resident(KEEP_RESIDENT)
        .table_keep_resident(TABLE_KEEP_RESIDENT)
        .pagemap_scan(Enabled::Auto);
    pool
}
