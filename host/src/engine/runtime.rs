//! The two wasmtime engines: one that judges requests, one that prepares policies.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use wasmtime::component::{Component, InstancePre, Linker};
use wasmtime::{Config, Enabled, Engine, Module, OptLevel, PoolingAllocationConfig, Store};

use super::abi;
use super::imprint;
use super::limits::{self, TICK};
use super::state::HostState;

/// The most linear memory that any policy may be given, in bytes.
pub const MEMORY_CEILING: usize = 256 << 20;

/// Kept mapped between two uses of a memory slot. A page that stays mapped costs a copy of what a
/// guest wrote there; one that does not costs a page fault.
const KEEP_RESIDENT: usize = 256 << 10;
const STACK: usize = 1 << 20;
const WASM_STACK: usize = 512 << 10;

/// A wasmtime engine with the linkers of the contract.
pub(super) struct Runtime {
    engine: Engine,
    plain: Linker<HostState>,
    with_wasi: Linker<HostState>,
}

impl Runtime {
    /// For requests: optimised code in a pool of `slots` prepared places.
    pub(super) fn for_requests(slots: u32) -> wasmtime::Result<Self> {
        let mut config = common();
        config.allocation_strategy(pool(slots));
        config.cranelift_opt_level(OptLevel::Speed);
        Self::new(&config)
    }

    /// For `describe`, `configure` and the snapshot: code that is run once, compiled quickly.
    pub(super) fn for_loading() -> wasmtime::Result<Self> {
        let mut config = common();
        config.cranelift_opt_level(OptLevel::None);
        Self::new(&config)
    }

    fn new(config: &Config) -> wasmtime::Result<Self> {
        let engine = Engine::new(config)?;
        let mut plain = Linker::new(&engine);
        abi::add_to_linker(&mut plain)?;
        let mut with_wasi = plain.clone();
        wasmtime_wasi::p2::add_to_linker_async(&mut with_wasi)?;
        Ok(Self {
            engine,
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
        limits::bind(&mut store);
        store
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

/// Advances the epochs of engines until it is dropped.
pub(super) struct Ticker {
    stop: Arc<AtomicBool>,
}

impl Ticker {
    pub(super) fn start(engines: [&Engine; 2]) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let engines = engines.map(Engine::weak);
        thread::Builder::new()
            .name("rollgate-epoch".into())
            .spawn(move || {
                while !stopped.load(Ordering::Relaxed) {
                    thread::sleep(TICK);
                    for engine in engines.iter().filter_map(wasmtime::EngineWeak::upgrade) {
                        engine.increment_epoch();
                    }
                }
            })?;
        Ok(Self { stop })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
