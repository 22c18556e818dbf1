//! The WASI that a component gets which was not built for us alone (JavaScript, Python, Go,
//! `wasm32-wasip2`): it links, and can do nothing. No files, network or environment; the wall clock
//! stands still at the review's instant; random numbers follow from the review.

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
/// Bytes of one random number; the host makes them before the guest's memory is asked for room.
const RANDOM_BYTES: u64 = 1 << 20;

/// A WASI without capabilities.
pub(super) struct EmptyWasi {
    context: WasiCtx,
    table: ResourceTable,
}

impl EmptyWasi {
    /// For one review.
    pub(super) fn of_review(review: &Arc<Review>) -> Self {
        Self::new(Frozen::At(Arc::clone(review)), review.id.as_bytes())
    }

    /// For loading a module. The seed is its digest, so that what is prepared follows from what the
    /// cache is keyed by, and the clock stands at zero.
    pub(super) fn of_module(digest: &[u8]) -> Self {
        Self::new(Frozen::AtZero, digest)
    }

    fn new(clock: Frozen, seed: &[u8]) -> Self {
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

    /// Whether the guest holds anything of the system: a stream, a timer.
    pub(super) fn is_held(&self) -> bool {
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

/// A wall clock that does not move.
enum Frozen {
    /// At the instant of a review.
    At(Arc<Review>),
    /// At the beginning of time.
    AtZero,
}

impl HostWallClock for Frozen {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(1)
    }

    fn now(&self) -> Duration {
        match self {
            Self::At(review) => {
                let since_epoch = review.tell_now().duration_since(Timestamp::UNIX_EPOCH);
                Duration::try_from(since_epoch).unwrap_or_default()
            }
            Self::AtZero => Duration::ZERO,
        }
    }
}
