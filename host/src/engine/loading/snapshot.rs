//! Runs `configure` once and copies the guest's memory, so that each request starts from there.

use wasmtime::Store;
use wasmtime::component::{Instance, Lift, WasmList};
use wasmtime_wizer::{ComponentInstanceState, Wizer};

use super::dry_run::DryRun;
use crate::engine::error::LoadError;
use crate::engine::running::limits::Usage;
use crate::engine::running::state::HostState;
use crate::engine::running::wasi::EmptyWasi;

/// A configured copy of a component, or why there is none.
pub(super) enum Snapshot {
    /// The component with the configured memory as its initial one.
    Taken(Vec<u8>),
    /// The policy works, but has to be configured at each request.
    Impossible(String),
}

/// Configures the policy in an instrumented instance and copies its memories out.
///
/// wizer panics if a guest cannot grow by one more page. So this runs in a task of its own, and a
/// panic means that there is no snapshot. A policy that refuses its settings is an error.
pub(super) async fn take(dry_run: DryRun, settings: String) -> Result<Snapshot, LoadError> {
    match tokio::spawn(try_take(dry_run, settings)).await {
        Ok(result) => result,
        Err(error) if error.is_panic() => Ok(Snapshot::Impossible(
            "its memory leaves no room for a copy".into(),
        )),
        Err(error) => Err(LoadError::Engine(error.to_string())),
    }
}

async fn try_take(dry_run: DryRun, settings: String) -> Result<Snapshot, LoadError> {
    let (mut store, instance) = dry_run.configure(&settings).await?;
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
    let impossible = |error: wasmtime::Error| Snapshot::Impossible(format!("{error:#}"));
    let wizer = Wizer::new();
    let (context, _) = match wizer.instrument_component(&component.original.bytes) {
        Ok(instrumented) => instrumented,
        Err(error) => return Ok(impossible(error)),
    };
    Usage::relax_for_snapshot(&mut store);
    let mut running = RunningInstance {
        store: &mut store,
        instance,
    };
    let snapshot = wizer.snapshot_component(&context, &mut running).await;
    Ok(snapshot.map_or_else(impossible, Snapshot::Taken))
}

/// Lets wizer read the state of an instance through the accessors that it added.
///
/// The trait cannot report an error; the task in [`take`] catches a panic.
struct RunningInstance<'a> {
    store: &'a mut Store<HostState>,
    instance: Instance,
}

impl RunningInstance<'_> {
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
        contents(list.as_le_slice(&*self.store));
    }

    async fn call_func_ret_s32(&mut self, instance: &str, func: &str) -> i32 {
        self.call(instance, func).await
    }

    async fn call_func_ret_s64(&mut self, instance: &str, func: &str) -> i64 {
        self.call(instance, func).await
    }

    async fn call_func_ret_f32(&mut self, instance: &str, func: &str) -> u32 {
        self.call::<f32>(instance, func).await.to_bits()
    }

    async fn call_func_ret_f64(&mut self, instance: &str, func: &str) -> u64 {
        self.call::<f64>(instance, func).await.to_bits()
    }
}
