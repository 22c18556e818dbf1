//! Caches the results of queries for a short time; equal queries share one request.
//!
//! Time is divided into buckets of half of `cacheFor`, and a query is evaluated at the start of its
//! bucket. A result is used while it is at most `cacheFor` older than the instant of the query. So
//! queries within half of `cacheFor` share a result, wherever buckets start, a repeated query gets the
//! same result, and no result is older than `cacheFor`.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rollgate_model::MetricsError;
use tokio::task::JoinError;

use crate::sources::Weigh;
use crate::sources::single_flight::get_or_fetch;

/// The capacity in bytes of results; the least recently used are evicted.
const MAX_BYTES: u64 = 16 << 20;

/// The time that a query is evaluated over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Window {
    /// One instant.
    Instant { at: Timestamp },
    /// A range, by its end, so that both variants move in time alike.
    Range {
        end: Timestamp,
        length: Duration,
        step: Duration,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    query: Arc<str>,
    window: Window,
}

/// Results by query and bucket of time.
#[derive(Debug)]
pub(super) struct Cache<T: Weigh> {
    answers: moka::future::Cache<Key, Arc<[T]>>,
    keep: Duration,
    /// The width of a bucket, in whole milliseconds and at least one.
    bucket: Duration,
}

impl<T: Weigh> Cache<T> {
    /// Returns a cache whose results are used for `keep`, at least a few milliseconds.
    pub(super) fn new(keep: Duration) -> Self {
        let answers = moka::future::Cache::builder()
            .weigher(|key: &Key, answer: &Arc<[T]>| {
                let bytes: usize = answer.iter().map(Weigh::bytes).sum();
                u32::try_from(key.query.len() + bytes).unwrap_or(u32::MAX)
            })
            .max_capacity(MAX_BYTES)
            .time_to_live(keep)
            .build();
        let bucket = Duration::from_millis((keep.as_millis() / 2).clamp(1, 1 << 40) as u64);
        Self {
            answers,
            keep,
            bucket,
        }
    }

    /// Returns the result for a window or a slightly earlier one, by [`get_or_fetch`].
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
        let fetch = fetch(key.window);
        get_or_fetch(&self.answers, key, fetch).await
    }

    /// Returns the starts of the buckets whose results may be used at an instant, the newest first.
    fn fresh_enough(&self, at: Timestamp) -> impl Iterator<Item = Timestamp> + use<T> {
        let (keep, width) = (self.keep, self.bucket);
        std::iter::successors(Some(self.start(at)), move |start| {
            start.checked_sub(width).ok()
        })
        .take_while(move |start| at.duration_since(*start).unsigned_abs() <= keep)
    }

    /// Returns the start of the bucket of an instant.
    fn start(&self, at: Timestamp) -> Timestamp {
        let width = i64::try_from(self.bucket.as_millis()).unwrap_or(i64::MAX);
        let start = at.as_millisecond().div_euclid(width).saturating_mul(width);
        Timestamp::from_millisecond(start).unwrap_or(Timestamp::MIN)
    }
}

impl Window {
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

#[cfg(test)]
mod tests;
