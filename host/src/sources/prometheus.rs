//! A metric source with Prometheus' HTTP API
//! (<https://prometheus.io/docs/prometheus/latest/querying/api/>): instant and range queries,
//! bounded in bytes, series and time.
//!
//! A burst of dry-runs asks the same few questions. Equal questions share one request, and an
//! answer serves again while it is fresh: see [`cache`].

mod answer;
mod cache;
mod client;
mod failure;
mod secret;
mod settings;
mod spec;
mod trust;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rollgate_model::{MetricsError, Sample, Series};

pub use self::secret::{SecretKey, SecretRef};
pub use self::settings::DescribedIn;
pub use self::spec::{BasicAuth, Spec};

use self::answer::Answer;
use self::cache::{Cache, Weigh, Window};
use self::client::Client;
use self::failure::Failure;
use super::{Range, Secrets, SourceError};

/// The longest query that is sent, in bytes.
const LONGEST_QUERY: usize = 16 << 10;

/// Prometheus gives no more points than this for each series of a range
/// (`exceeded maximum resolution of 11,000 points per timeseries`).
const MOST_POINTS: u128 = 11_000;

/// The finest step of a range query, as `wit/metrics.wit` says.
const FINEST_STEP: Duration = Duration::from_secs(1);

/// One Prometheus server, or what speaks like one.
#[derive(Debug)]
pub struct PrometheusSource {
    name: Arc<str>,
    client: Arc<Client>,
    samples: Cache<Sample>,
    series: Cache<Series>,
}

impl PrometheusSource {
    /// Checks what the operator wrote and sets the client up; nothing is sent yet.
    ///
    /// # Errors
    /// The field that cannot be right, or the secret or certificate file that cannot be read.
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

    /// Evaluates a query at an instant. The answer may be that of an earlier instant, by no more
    /// than the spec's `cacheFor`; its samples tell which.
    ///
    /// # Errors
    /// Why there is no answer, in words without address or credential.
    pub async fn query(&self, query: &str, at: Timestamp) -> Result<Vec<Sample>, MetricsError> {
        self.check_query(query)?;
        let window = Window::Instant { at };
        let samples = self
            .shared(&self.samples, query, window, Answer::into_samples)
            .await?;
        Ok(samples.to_vec())
    }

    /// Evaluates a query over a range. As a whole it may lie earlier, by no more than the spec's
    /// `cacheFor`.
    ///
    /// # Errors
    /// Why there is no answer, in words without address or credential.
    pub async fn query_range(
        &self,
        query: &str,
        range: Range,
    ) -> Result<Vec<Series>, MetricsError> {
        self.check_query(query)?;
        let window = self.check_range(range)?;
        let series = self
            .shared(&self.series, query, window, Answer::into_series)
            .await?;
        Ok(series.to_vec())
    }

    async fn shared<T: Weigh>(
        &self,
        cache: &Cache<T>,
        query: &str,
        window: Window,
        take: fn(Answer) -> Result<Vec<T>, Failure>,
    ) -> Result<Arc<[T]>, MetricsError> {
        let query: Arc<str> = query.into();
        let (client, name, text) = (
            Arc::clone(&self.client),
            Arc::clone(&self.name),
            Arc::clone(&query),
        );
        let fetch = move |window| async move {
            let answer = client.fetch(&text, window).await.and_then(take);
            answer.map(Arc::from).map_err(|failure| failure.of(&name))
        };
        let shared = cache.get(query, window, fetch).await;
        shared.unwrap_or_else(|_panicked| Err(Failure::Internal.of(&self.name)))
    }

    fn check_query(&self, query: &str) -> Result<(), MetricsError> {
        if query.len() > LONGEST_QUERY {
            let message = format!("it is longer than {LONGEST_QUERY} bytes");
            return Err(Failure::Query(message).of(&self.name));
        }
        Ok(())
    }

    fn check_range(&self, range: Range) -> Result<Window, MetricsError> {
        let Range { start, end, step } = range;
        let refuse = |message: String| Err(Failure::Query(message).of(&self.name));
        let Ok(length) = Duration::try_from(end.duration_since(start)) else {
            return refuse(format!(
                "its range ends before it starts ({start} to {end})"
            ));
        };
        if step < FINEST_STEP {
            return refuse(format!(
                "its step of {step:?} is finer than {FINEST_STEP:?}"
            ));
        }
        let points = length.as_nanos() / step.as_nanos() + 1;
        if points > MOST_POINTS {
            return refuse(format!(
                "{points} points are more than {MOST_POINTS} for each series: \
                 take a wider step or a shorter range"
            ));
        }
        Ok(Window::Range { end, length, step })
    }
}

#[cfg(test)]
mod tests;
