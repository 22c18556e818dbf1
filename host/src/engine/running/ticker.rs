//! Advances the epochs of the engines, so that guests that compute are stopped for a moment now and then.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use wasmtime::{Engine, EngineWeak};

use super::limits;

/// The length of a tick while guests compute for long: how long such a guest may keep a processor from
/// the others.
pub(super) const SHORT_TICK: Duration = Duration::from_millis(1);
/// How many short ticks follow each tick of a guest.
pub(super) const SHORT_TICKS: u32 = 100;

/// Advances the epochs of two engines until it is dropped. Without it a guest that loops would run for
/// ever, so every store holds it: see [`limits::bind`].
pub(crate) struct Ticker {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    short_ticks: AtomicU32,
}

impl Ticker {
    pub(super) fn start(engines: [&Engine; 2]) -> std::io::Result<Self> {
        let shared = Arc::<Shared>::default();
        let of_thread = Arc::clone(&shared);
        let engines = engines.map(Engine::weak);
        thread::Builder::new()
            .name("rollgate-epoch".into())
            .spawn(move || of_thread.run(&engines))?;
        Ok(Self { shared })
    }

    /// Makes the next ticks short.
    pub(super) fn hurry(&self) {
        self.shared
            .short_ticks
            .store(SHORT_TICKS, Ordering::Relaxed);
    }
}

impl Shared {
    fn run(&self, engines: &[EngineWeak]) {
        while !self.stop.load(Ordering::Relaxed) {
            thread::sleep(self.next_tick());
            for engine in engines.iter().filter_map(EngineWeak::upgrade) {
                engine.increment_epoch();
            }
        }
    }

    fn next_tick(&self) -> Duration {
        let left = self.short_ticks.load(Ordering::Relaxed);
        if left == 0 {
            return limits::TICK;
        }
        // If a guest asks for more between the two, it asks again at its next tick.
        self.short_ticks.store(left - 1, Ordering::Relaxed);
        SHORT_TICK
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
    }
}
