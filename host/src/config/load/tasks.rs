//! The loads that run at the same time.

use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::runtime::Handle;

use crate::engine::{Engine, LoadError, LoadRequest, LoadedPolicy, Module};

/// Policies of heavy modules are loaded beside the others, so that these do not wait for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Lane {
    Light,
    /// One at a time: compiling takes hundreds of MiB.
    Heavy,
}

impl Lane {
    pub(super) fn of(module: &Module) -> Self {
        if module.is_heavy() {
            Self::Heavy
        } else {
            Self::Light
        }
    }

    fn width(self) -> usize {
        match self {
            Self::Light => std::thread::available_parallelism().map_or(1, usize::from),
            Self::Heavy => 1,
        }
    }
}

/// Identifies a load that was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct TaskId(u64);

type Loaded = Result<LoadedPolicy, LoadError>;

/// The loads that run. A load that was started is finished, since compiling cannot be interrupted.
pub(super) struct Tasks {
    engine: Engine,
    running: FuturesUnordered<BoxFuture<'static, (Lane, TaskId, Loaded)>>,
    light: usize,
    heavy: usize,
    started: u64,
}

impl Tasks {
    pub(super) fn new(engine: &Engine) -> Self {
        Self {
            engine: engine.clone(),
            running: FuturesUnordered::new(),
            light: 0,
            heavy: 0,
            started: 0,
        }
    }

    pub(super) fn has_room(&self, lane: Lane) -> bool {
        let running = match lane {
            Lane::Light => self.light,
            Lane::Heavy => self.heavy,
        };
        running < lane.width()
    }

    /// Starts a load on a thread of its own: it computes for milliseconds at a time, and requests are
    /// read on the threads of the runtime.
    pub(super) fn start(&mut self, lane: Lane, request: LoadRequest) -> TaskId {
        self.started += 1;
        *self.running_in(lane) += 1;
        let (task, engine) = (TaskId(self.started), self.engine.clone());
        let load = move || Handle::current().block_on(engine.load(request));
        let load = tokio::task::spawn_blocking(load);
        let result = load.map(move |joined| {
            let failed = |error: tokio::task::JoinError| LoadError::Engine(error.to_string());
            (lane, task, joined.map_err(failed).flatten())
        });
        self.running.push(result.boxed());
        task
    }

    /// Waits for the next load that ends; `None` if none runs.
    pub(super) async fn finished(&mut self) -> Option<(TaskId, Loaded)> {
        let (lane, task, loaded) = self.running.next().await?;
        *self.running_in(lane) -= 1;
        Some((task, loaded))
    }

    const fn running_in(&mut self, lane: Lane) -> &mut usize {
        match lane {
            Lane::Light => &mut self.light,
            Lane::Heavy => &mut self.heavy,
        }
    }
}
