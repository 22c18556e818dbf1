//! Runs `configure` once and copies the guest's memory, so that each request starts from there.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt as _;
use wasmtime::Store;
use wasmtime::component::{Instance, Lift, WasmList};
use wasmtime_wizer::{ComponentInstanceState, Wizer};

use super::configured_memory::{Code, Template};
use super::dry_run::DryRun;
use super::run_blocking;
use crate::engine::error::LoadError;
use crate::engine::running::limits::Usage;
use crate::engine::running::state::HostState;
use crate::engine::running::wasi::EmptyWasi;

/// A configured copy of a component, or why there is none.
pub(super) enum Snapshot {
    /// The component with the configured memory as its initial one.
    Taken(Code),
    /// The policy works, but has to be configured at each request.
    Impossible(String),
}

/// What was read of an instance through the accessors, by their names.
#[derive(Default)]
pub(super) struct Accessed {
    pub(super) globals: Vec<(String, GlobalValue)>,
    pub(super) memories: Vec<String>,
}

/// The value of a global; of a float its bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GlobalValue {
    I32(i32),
    I64(i64),
    F32(u32),
    F64(u64),
}

/// Configures the policy in an instrumented instance and copies its memories out.
///
/// An accessor traps if a guest cannot grow by one more page, and wizer has no way to report it but a panic.
/// So a panic means that there is no snapshot. A policy that refuses its settings is an error.
pub(super) async fn take(dry_run: DryRun, settings: String) -> Result<Snapshot, LoadError> {
    let taken = AssertUnwindSafe(try_take(&dry_run, &settings)).catch_unwind();
    taken.await.unwrap_or_else(|_| {
        Ok(Snapshot::Impossible(
            "its memory leaves no room for a copy".into(),
        ))
    })
}

async fn try_take(dry_run: &DryRun, settings: &str) -> Result<Snapshot, LoadError> {
    let (mut store, mut instance) = dry_run.configure(settings).await?;
    let component = &dry_run.component;
    if let Some(reason) = &component.no_accessors {
        return Ok(Snapshot::Impossible(reason.clone()));
    }
    // A handle is a number in the guest's memory. In a copy it would refer to nothing, or to something
    // else.
    if store.data().wasi.as_deref().is_some_and(EmptyWasi::is_held) {
        return Ok(Snapshot::Impossible(
            "it keeps a stream or a timer of WASI open when it is configured".into(),
        ));
    }
    if let Some(template) = component.template.get() {
        if let Some(code) = RunningInstance::new(&mut store, instance)
            .split(template)
            .await
        {
            return Ok(Snapshot::Taken(code));
        }
        // Reading the memory changed it, so the whole snapshot is taken of another instance.
        (store, instance) = dry_run.configure(settings).await?;
    }
    whole(dry_run, store, instance).await
}

/// Takes a snapshot of the whole component, and splits it.
async fn whole(
    dry_run: &DryRun,
    mut store: Store<HostState>,
    instance: Instance,
) -> Result<Snapshot, LoadError> {
    let component = &dry_run.component;
    let original = component.original().await?;
    let impossible = |error: wasmtime::Error| Snapshot::Impossible(format!("{error:#}"));
    let wizer = Wizer::new();
    let (context, _) = match wizer.instrument_component(&original) {
        Ok(instrumented) => instrumented,
        Err(error) => return Ok(impossible(error)),
    };
    let mut running = RunningInstance::new(&mut store, instance);
    let snapshot = match wizer.snapshot_component(&context, &mut running).await {
        Ok(snapshot) => snapshot,
        Err(error) => return Ok(impossible(error)),
    };
    let accessed = running.accessed;
    let split = {
        let original = Arc::clone(&original);
        run_blocking(move || Code::split(&original, snapshot)).await?
    };
    if split.configured_memory.is_some()
        && let Some(template) = Template::new(&original, accessed)
    {
        // Another policy of the module may have been faster; both made the same.
        let _ = component.template.set(template);
    }
    Ok(Snapshot::Taken(split))
}

/// The instance in which wizer exports the accessors that it adds.
const ACCESSORS: &str = "wasmtime:wizer/access";

/// Lets wizer read the state of an instance through the accessors that it added.
///
/// The trait cannot report an error; [`take`] catches a panic.
struct RunningInstance<'a> {
    store: &'a mut Store<HostState>,
    instance: Instance,
    accessed: Accessed,
}

impl<'a> RunningInstance<'a> {
    fn new(store: &'a mut Store<HostState>, instance: Instance) -> Self {
        Usage::relax_for_snapshot(store);
        Self {
            store,
            instance,
            accessed: Accessed::default(),
        }
    }

    /// Reads the memory and splits it. Returns `None` if `configure` changed a global or wrote too much.
    async fn split(mut self, template: &Template) -> Option<Code> {
        for (accessor, before) in &template.globals {
            if self.global(accessor, *before).await != *before {
                return None;
            }
        }
        let memory: WasmList<u8> = self.call(ACCESSORS, &template.memory).await;
        template.split(memory.as_le_slice(&*self.store))
    }

    /// Reads a global of the same type as `like`.
    async fn global(&mut self, accessor: &str, like: GlobalValue) -> GlobalValue {
        match like {
            GlobalValue::I32(_) => GlobalValue::I32(self.call(ACCESSORS, accessor).await),
            GlobalValue::I64(_) => GlobalValue::I64(self.call(ACCESSORS, accessor).await),
            GlobalValue::F32(_) => {
                GlobalValue::F32(self.call::<f32>(ACCESSORS, accessor).await.to_bits())
            }
            GlobalValue::F64(_) => {
                GlobalValue::F64(self.call::<f64>(ACCESSORS, accessor).await.to_bits())
            }
        }
    }

    /// Reads a global for wizer, and remembers its value.
    async fn read(&mut self, accessor: &str, like: GlobalValue) -> GlobalValue {
        let value = self.global(accessor, like).await;
        self.accessed.globals.push((accessor.to_owned(), value));
        value
    }

    async fn call<R: Lift + Send + Sync + 'static>(&mut self, instance: &str, function: &str) -> R {
        const ADDED: &str = "wizer added this accessor to the component";
        let (_, access) = self
            .instance
            .get_export(&mut *self.store, None, instance)
            .expect(ADDED);
        let (_, accessor) = self
            .instance
            .get_export(&mut *self.store, Some(&access), function)
            .expect(ADDED);
        let accessor = self
            .instance
            .get_typed_func::<(), (R,)>(&mut *self.store, accessor)
            .expect(ADDED);
        accessor
            .call_async(&mut *self.store, ())
            .await
            .expect("an accessor only reads")
            .0
    }
}

impl ComponentInstanceState for RunningInstance<'_> {
    async fn call_func_ret_list_u8(
        &mut self,
        instance: &str,
        func: &str,
        contents: impl FnOnce(&[u8]) + Send,
    ) {
        let list: WasmList<u8> = self.call(instance, func).await;
        self.accessed.memories.push(func.to_owned());
        contents(list.as_le_slice(&*self.store));
    }

    async fn call_func_ret_s32(&mut self, _: &str, func: &str) -> i32 {
        match self.read(func, GlobalValue::I32(0)).await {
            GlobalValue::I32(value) => value,
            _ => unreachable!("it is read as what it is like"),
        }
    }

    async fn call_func_ret_s64(&mut self, _: &str, func: &str) -> i64 {
        match self.read(func, GlobalValue::I64(0)).await {
            GlobalValue::I64(value) => value,
            _ => unreachable!("it is read as what it is like"),
        }
    }

    async fn call_func_ret_f32(&mut self, _: &str, func: &str) -> u32 {
        match self.read(func, GlobalValue::F32(0)).await {
            GlobalValue::F32(bits) => bits,
            _ => unreachable!("it is read as what it is like"),
        }
    }

    async fn call_func_ret_f64(&mut self, _: &str, func: &str) -> u64 {
        match self.read(func, GlobalValue::F64(0)).await {
            GlobalValue::F64(bits) => bits,
            _ => unreachable!("it is read as what it is like"),
        }
    }
}
