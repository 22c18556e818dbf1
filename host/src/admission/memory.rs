//! The memory of one review: how much it may take, and how much of that is reserved for it.

use bytes::Bytes;
use tokio::sync::OwnedSemaphorePermit;

/// The memory that a review may take, as a multiple of its body and a sum beside it. A review of ordinary
/// objects takes four to six times its body; the rest is for objects of many small values.
const TIMES: usize = 8;
/// The sum beside it is small for a small body, so that many of them can be read at once.
const BESIDE: usize = 64 << 10;
const BESIDE_TIMES: usize = 16;
const MOST_BESIDE: usize = 1 << 20;

/// The bytes of one permit, so that large budgets fit into a semaphore.
const UNIT: usize = 1024;

/// Returns the most bytes that a review with a body of this length takes, the body included. A review that
/// would take more is denied.
pub(crate) const fn memory_of_review(body: usize) -> usize {
    let beside = body.saturating_mul(BESIDE_TIMES).saturating_add(BESIDE);
    let beside = if beside < MOST_BESIDE {
        beside
    } else {
        MOST_BESIDE
    };
    body.saturating_mul(TIMES).saturating_add(beside)
}

/// Memory that is reserved until this is dropped.
#[derive(Debug)]
pub(crate) struct ReservedMemory(OwnedSemaphorePermit);

impl ReservedMemory {
    /// Returns the number of permits for so many bytes.
    pub(crate) const fn permits(bytes: usize) -> usize {
        bytes.div_ceil(UNIT)
    }

    /// Takes permits of [`permits`](Self::permits).
    pub(crate) const fn new(permits: OwnedSemaphorePermit) -> Self {
        Self(permits)
    }

    /// Keeps so many bytes, and gives back what is reserved beyond.
    fn keep(&mut self, bytes: usize) {
        let beyond = self.0.num_permits().saturating_sub(Self::permits(bytes));
        drop(self.0.split(beyond));
    }
}

/// The body of a review, with the memory that is reserved for it.
#[derive(Debug)]
pub struct ReviewBody {
    pub(crate) bytes: Bytes,
    memory: Option<ReservedMemory>,
}

impl ReviewBody {
    /// `memory` is [`memory_of_review`] of it; an empty body has none.
    pub(crate) const fn new(bytes: Bytes, memory: Option<ReservedMemory>) -> Self {
        Self { bytes, memory }
    }

    /// Drops the bytes, and returns the reserved memory. Only so many bytes of it are still needed.
    pub(super) fn into_memory(self, needed: usize) -> Option<ReservedMemory> {
        let mut memory = self.memory?;
        memory.keep(needed);
        Some(memory)
    }
}

/// A body of which nothing is reserved, such as one of a test.
impl From<String> for ReviewBody {
    fn from(text: String) -> Self {
        Self::new(text.into(), None)
    }
}
