//! A metric source with Prometheus' HTTP API
//! (<https://prometheus.io/docs/prometheus/latest/querying/api/>): instant and range queries with limits
//! of bytes, series and time.
//!
//! Many reviews at once send the same few queries. Equal queries share one request, and its result is
//! cached: see [`cache`].

mod answer;
mod cache;
mod client;
mod failure;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod secret;
mod settings;
mod spec;
mod trust;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rollgate_model::{MetricsError, Sample, Series};

pub use secret::{SecretKey, SecretRef};
pub use settings::DescribedIn;
pub use spec::{BasicAuth, Spec};

use super::{Range, Secrets, SourceError, Weigh};
use answer::Answer;
use cache::{Cache, Window};
use client::Client;
use failure::QueryError;

const MAX_QUERY_BYTES: usize = 16 << 10;

/// The most points that Prometheus returns for each series of a range
/// (`exceeded maximum resolution of 11,000 points per timeseries`).
const MAX_POINTS: u128 = 11_000;

/// The least step of a range query, as `wit/metrics.wit` says.
const MIN_STEP: Duration = Duration::from_secs(1);

/// One server with Prometheus' HTTP API.
#[derive(Debug)]
pub struct PrometheusSource {
    name: Arc<str>,
    client: Arc<Client>,
    samples: Cache<Sample>,
    series: Cache<Series>,
}

impl PrometheusSource {
    /// Validates the spec and makes the client; sends no request.
    ///
    /// # Errors
    /// If a field is invalid, or a file with a secret or certificates cannot be read.
    pub fn new(
        name: &str,
        spec: &Spec,
        described: DescribedIn,
        secrets: &Arc<dyn Secrets>,
    ) -> Result<Self, SourceError> {
        let settings = spec.validate(described, secrets)?;
        let keep = settings.limits.cache_for;
        Ok(Self {
            name: name.into(),
            client: Arc::new(Client::new(name, settings)?),
            samples: Cache::new(keep),
            series: Cache::new(keep),
        })
    }

    /// Evaluates a query at an instant. The result may be that of an earlier instant, by up to the spec's
    /// `cacheFor`; its samples have that instant.
    ///
    /// # Errors
    /// Why there is no result, without address and credentials.
    pub async fn query(&self, query: &str, at: Timestamp) -> Result<Vec<Sample>, MetricsError> {
        self.check_query(query)?;
        let window = Window::Instant { at };
        let samples = self
            .cached(&self.samples, query, window, Answer::into_samples)
            .await?;
        Ok(samples.to_vec())
    }

    /// Evaluates a query over a range, which may be shifted back by up to the spec's `cacheFor`.
    ///
    /// # Errors
    /// Why there is no result, without address and credentials.
    pub async fn query_range(
        &self,
        query: &str,
        range: Range,
    ) -> Result<Vec<Series>, MetricsError> {
        self.check_query(query)?;
        let window = self.check_range(range)?;
        let series = self
            .cached(&self.series, query, window, Answer::into_series)
            .await?;
        Ok(series.to_vec())
    }

    async fn cached<T: Weigh>(
        &self,
        cache: &Cache<T>,
        query: &str,
        window: Window,
        take: fn(Answer) -> Result<Vec<T>, QueryError>,
    ) -> Result<Arc<[T]>, MetricsError> {
        let query: Arc<str> = query.into();
        let (client, name, text) = (
            Arc::clone(&self.client),
            Arc::clone(&self.name),
            Arc::clone(&query),
        );
        let fetch = move |window| async move {
            let answer = client.fetch(&text, window).await.and_then(take);
            answer.map(Arc::from).map_err(|error| error.of(&name))
        };
        let cached = cache.get(query, window, fetch).await;
        cached.unwrap_or_else(|_panicked| Err(QueryError::Internal.of(&self.name)))
    }

    fn check_query(&self, query: &str) -> Result<(), MetricsError> {
        if query.len() > MAX_QUERY_BYTES {
            let message = format!("it is longer than {MAX_QUERY_BYTES} bytes");
            return Err(QueryError::Query(message).of(&self.name));
        }
        Ok(())
    }

    fn check_range(&self, range: Range) -> Result<Window, MetricsError> {
        let Range { start, end, step } = range;
        let refuse = |message: String| Err(QueryError::Query(message).of(&self.name));
        let Ok(length) = Duration::try_from(end.duration_since(start)) else {
            return refuse(format!(
                "its range ends before it starts ({start} to {end})"
            ));
        };
        if step < MIN_STEP {
            return refuse(format!("its step of {step:?} is less than {MIN_STEP:?}"));
        }
        let points = length.as_nanos() / step.as_nanos() + 1;
        if points > MAX_POINTS {
            return refuse(format!(
                "{points} points are more than {MAX_POINTS} for each series: \
                 take a wider step or a shorter range"
            ));
        }
        Ok(Window::Range { end, length, step })
    }
}

#[cfg(test)]
mod tests;
