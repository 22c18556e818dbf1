//! An empty WASI for components that need WASI to link (JavaScript, Python, Go, `wasm32-wasip2`). It
//! has no files, network or environment. The wall clock always shows the time of the review, and random
//! numbers are derived from the review.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rand::SeedableRng;
use rand::rngs::StdRng;
use sha2::{Digest, Sha256};
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{HostWallClock, WasiCtx, WasiCtxView, WasiView};

use super::state::{HostState, Review};

const RESOURCES: usize = 1_000;
/// The most random bytes in one call. The host generates them before it checks the guest's memory.
const RANDOM_BYTES: u64 = 1 << 20;

/// A WASI without capabilities.
pub(crate) struct EmptyWasi {
    context: WasiCtx,
    table: ResourceTable,
}

impl EmptyWasi {
    /// Creates the WASI for one review.
    pub(crate) fn of_review(review: &Arc<Review>) -> Self {
        Self::new(FixedTime::At(Arc::clone(review)), review.id.as_bytes())
    }

    /// Creates the WASI for loading a module. The seed is the module's digest, which is part of the
    /// cache key, and the clock is at zero.
    pub(crate) fn of_module(digest: &[u8]) -> Self {
        Self::new(FixedTime::AtZero, digest)
    }

    fn new(clock: FixedTime, seed: &[u8]) -> Self {
        let seed: [u8; 32] = Sha256::digest(seed).into();
        let mut table = ResourceTable::new();
        table.set_max_capacity(RESOURCES);
        let context = WasiCtx::builder()
            .wall_clock(clock)
            .secure_random(StdRng::from_seed(seed))
            .insecure_random(StdRng::from_seed(seed))
            .insecure_random_seed(u128::from_le_bytes(
                seed[..16].try_into().expect("16 of 32 bytes"),
            ))
            .max_random_size(RANDOM_BYTES)
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false)
            .build();
        Self { context, table }
    }

    /// Whether the guest holds a stream or a timer.
    pub(crate) fn is_held(&self) -> bool {
        !self.table.is_empty()
    }
}

impl WasiView for HostState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let wasi = self
            .wasi
            .as_mut()
            .expect("a component that imports WASI is given one before it runs");
        WasiCtxView {
            ctx: &mut wasi.context,
            table: &mut wasi.table,
        }
    }
}

/// A wall clock that does not run.
enum FixedTime {
    /// At the time of a review.
    At(Arc<Review>),
    /// At the Unix epoch.
    AtZero,
}

impl HostWallClock for FixedTime {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(1)
    }

    fn now(&self) -> Duration {
        match self {
            Self::At(review) => {
                let since_epoch = review.read_clock().duration_since(Timestamp::UNIX_EPOCH);
                Duration::try_from(since_epoch).unwrap_or_default()
            }
            Self::AtZero => Duration::ZERO,
        }
    }
}
