//! Equal questions share one request, and its answer serves again for a short while.
//!
//! Time is cut into buckets of half of `cacheFor`, and a question is asked for the beginning of
//! its bucket. An answer serves while it is at most `cacheFor` older than the instant wanted. So
//! two questions that lie half of `cacheFor` or less apart share an answer wherever the cut
//! falls, a repeated question gets the same answer, and no answer is older than `cacheFor`.
//!
//! A failure reaches all who wait for it and is then forgotten.

use std::fmt::Debug;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rollgate_model::{MetricsError, Sample, Series};
use tokio::task::JoinError;

/// How much one cache holds, in bytes of answers; what was used least goes first.
const MOST_BYTES: u64 = 16 << 20;

/// What a query is evaluated over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Window {
    /// One instant.
    Instant { at: Timestamp },
    /// A range, told by its last instant so that both kinds move in time alike.
    Range {
        end: Timestamp,
        length: Duration,
        step: Duration,
    },
}

/// A query and what it is evaluated over.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    query: Arc<str>,
    window: Window,
}

/// Answers by query and bucket of time.
#[derive(Debug)]
pub(super) struct Cache<T: Weigh> {
    answers: moka::future::Cache<Key, Arc<[T]>>,
    keep: Duration,
    /// The width of a bucket, in whole milliseconds and at least one.
    bucket: Duration,
}

impl<T: Weigh> Cache<T> {
    /// A cache whose answers serve for `keep`, which is at least a few milliseconds.
    pub(super) fn new(keep: Duration) -> Self {
        let answers = moka::future::Cache::builder()
            .weigher(|key: &Key, answer: &Arc<[T]>| {
                let bytes: usize = answer.iter().map(Weigh::bytes).sum();
                u32::try_from(key.query.len() + bytes).unwrap_or(u32::MAX)
            })
            .max_capacity(MOST_BYTES)
            .time_to_live(keep)
            .build();
        let bucket = Duration::from_millis((keep.as_millis() / 2).clamp(1, 1 << 40) as u64);
        Self {
            answers,
            keep,
            bucket,
        }
    }

    /// The answer for a window, or for one a little earlier; fetched where there is none.
    ///
    /// The request runs in a task of its own: a caller that gives up neither ends it for the
    /// others nor makes one of them start again.
    ///
    /// # Errors
    /// The inner error is the fetch's own; the outer one says that it panicked.
    pub(super) async fn get<F, A>(
        &self,
        query: Arc<str>,
        window: Window,
        fetch: F,
    ) -> Result<Result<Arc<[T]>, MetricsError>, JoinError>
    where
        F: FnOnce(Window) -> A,
        A: Future<Output = Result<Arc<[T]>, MetricsError>> + Send + 'static,
    {
        let mut key = Key { query, window };
        for start in self.fresh_enough(window.end()) {
            key.window = window.ending(start);
            if let Some(answer) = self.answers.get(&key).await {
                return Ok(Ok(answer));
            }
        }
        key.window = window.ending(self.start(window.end()));
        let (answers, flight) = (self.answers.clone(), fetch(key.window));
        let task = tokio::spawn(async move { answers.try_get_with(key, flight).await });
        Ok(task.await?.map_err(|error| MetricsError::clone(&error)))
    }

    /// The beginnings of the buckets whose answers may serve at an instant, the newest first.
    fn fresh_enough(&self, at: Timestamp) -> impl Iterator<Item = Timestamp> + use<T> {
        let (keep, width) = (self.keep, self.bucket);
        std::iter::successors(Some(self.start(at)), move |start| {
            start.checked_sub(width).ok()
        })
        .take_while(move |start| at.duration_since(*start).unsigned_abs() <= keep)
    }

    /// The beginning of the bucket that an instant lies in.
    fn start(&self, at: Timestamp) -> Timestamp {
        let width = i64::try_from(self.bucket.as_millis()).unwrap_or(i64::MAX);
        let start = at.as_millisecond().div_euclid(width).saturating_mul(width);
        Timestamp::from_millisecond(start).unwrap_or(Timestamp::MIN)
    }
}

impl Window {
    /// The last instant.
    pub(super) fn end(self) -> Timestamp {
        match self {
            Self::Instant { at } => at,
            Self::Range { end, .. } => end,
        }
    }

    fn ending(self, end: Timestamp) -> Self {
        match self {
            Self::Instant { .. } => Self::Instant { at: end },
            Self::Range { length, step, .. } => Self::Range { end, length, step },
        }
    }
}

/// What an item of an answer weighs in memory, roughly.
pub(super) trait Weigh: Debug + Send + Sync + 'static {
    /// Its bytes.
    fn bytes(&self) -> usize;
}

impl Weigh for Sample {
    fn bytes(&self) -> usize {
        size_of::<Self>() + label_bytes(&self.labels)
    }
}

impl Weigh for Series {
    fn bytes(&self) -> usize {
        size_of::<Self>() + label_bytes(&self.labels) + size_of_val(self.points.as_slice())
    }
}

fn label_bytes(labels: &[(String, String)]) -> usize {
    let text: usize = labels
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    text + size_of_val(labels)
}

#[cfg(test)]
mod tests;
