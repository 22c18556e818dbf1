//! Runs `configure` once and keeps the memory it leaves, so that each request starts from there.

use wasmtime::Store;
use wasmtime::component::{Instance, Lift, WasmList};
use wasmtime_wizer::{ComponentInstanceState, Wizer};

use super::error::LoadError;
use super::limits::Usage;
use super::rehearsal::Rehearsal;
use super::state::HostState;
use super::wasi::EmptyWasi;

/// A component that is configured already, or why there is none.
pub(super) enum Snapshot {
    /// The component with the configured memory as its initial one.
    Taken(Vec<u8>),
    /// The module works, but has to be configured at each request.
    Impossible(String),
}

/// Configures the policy in an instrumented instance and copies its memories out.
///
/// wizer panics where a guest cannot grow one more page, so this runs in a task of its own whose
/// panic becomes the fallback. A policy that refuses its settings is an error, not a fallback.
pub(super) async fn take(rehearsal: Rehearsal, settings: String) -> Result<Snapshot, LoadError> {
    match tokio::spawn(attempt(rehearsal, settings)).await {
        Ok(result) => result,
        Err(error) if error.is_panic() => Ok(Snapshot::Impossible(
            "its memory leaves no room for a copy".into(),
        )),
        Err(error) => Err(LoadError::Engine(error.to_string())),
    }
}

async fn attempt(rehearsal: Rehearsal, settings: String) -> Result<Snapshot, LoadError> {
    let (mut store, instance) = rehearsal.configure(&settings).await?;
    let stage = &rehearsal.stage;
    if let Some(reason) = &stage.plain {
        return Ok(Snapshot::Impossible(reason.clone()));
    }
    // A handle is a number in the guest's memory; in a copy it would stand for nothing, or for
    // something else.
    if store.data().wasi.as_deref().is_some_and(EmptyWasi::is_held) {
        return Ok(Snapshot::Impossible(
            "it keeps a stream or a timer of WASI open when it is configured".into(),
        ));
    }
    let impossible = |error: wasmtime::Error| Snapshot::Impossible(format!("{error:#}"));
    let wizer = Wizer::new();
    let (context, _) = match wizer.instrument_component(&stage.component.bytes) {
        Ok(instrumented) => instrumented,
        Err(error) => return Ok(impossible(error)),
    };
    Usage::relax_for_snapshot(&mut store);
    let mut running = Running {
        store: &mut store,
        instance,
    };
    let snapshot = wizer.snapshot_component(&context, &mut running).await;
    Ok(snapshot.map_or_else(impossible, Snapshot::Taken))
}

/// Lets wizer read the state of an instance through the accessors that it put there.
///
/// The trait leaves no way to report an error; a panic is caught by the task in [`take`].
struct Running<'a> {
    store: &'a mut Store<HostState>,
    instance: Instance,
}

impl Running<'_> {
    async fn call<R: Lift + Send + Sync + 'static>(&mut self, instance: &str, function: &str) -> R {
        const PUT_THERE: &str = "wizer put this accessor into the component";
        let (_, access) = self
            .instance
            .get_export(&mut *self.store, None, instance)
            .expect(PUT_THERE);
        let (_, accessor) = self
            .instance
            .get_export(&mut *self.store, Some(&access), function)
            .expect(PUT_THERE);
        let accessor = self
            .instance
            .get_typed_func::<(), (R,)>(&mut *self.store, accessor)
            .expect(PUT_THERE);
        accessor
            .call_async(&mut *self.store, ())
            .await
            .expect("an accessor only reads")
            .0
    }
}

impl ComponentInstanceState for Running<'_> {
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
