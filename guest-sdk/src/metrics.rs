//! Metrics by named source. The operator defines the sources and grants them to policies; addresses
//! and credentials stay in the host. Not available in [`Policy::new`](crate::Policy::new).

use crate::words::words;
use crate::{Failure, sys};
use jiff::Timestamp;
use std::time::Duration;

/// One value of an instant query.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Labels, sorted by name, including `__name__` where the source returns it.
    pub labels: Vec<(String, String)>,
    /// The value; NaN and infinities are kept.
    pub value: f64,
    /// The timestamp of the source. Prometheus returns the time of evaluation, not of the scrape:
    /// query `timestamp(...)` where the age of a sample matters.
    pub at: Timestamp,
}

/// One series of a range query.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Labels, sorted by name.
    pub labels: Vec<(String, String)>,
    /// The values, oldest first.
    pub points: Vec<Point>,
}

/// One value of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// The value; NaN and infinities are kept.
    pub value: f64,
    /// The time of the value.
    pub at: Timestamp,
}

/// Why a query failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricsError {
    /// The kind of failure.
    pub code: MetricsErrorCode,
    /// A message for people; never contains an address or a credential.
    pub message: String,
}

words! {
    /// The kinds of failure of a metrics query.
    MetricsErrorCode {
        /// The policy has no grant for this source.
        NotGranted = "not-granted",
        /// No source has this name.
        UnknownSource = "unknown-source",
        /// The source did not answer in time.
        Timeout = "timeout",
        /// The answer has too many bytes.
        TooLarge = "too-large",
        /// The answer has too many series.
        TooManySeries = "too-many-series",
        /// The source refused the query.
        BadQuery = "bad-query",
        /// Too many host calls in one evaluation.
        Limit = "limit",
        /// The source could not be reached, or its answer could not be parsed.
        Unavailable = "unavailable",
    }
}

/// Evaluates a PromQL expression at the instant of the review. A scalar is one sample without
/// labels; no data is an empty list.
///
/// # Errors
/// The query failed.
pub fn query(source: &str, query: &str) -> Result<Vec<Sample>, MetricsError> {
    sys::query(source, query, None)
}

/// Evaluates a PromQL expression at another instant.
///
/// # Errors
/// The query failed.
pub fn query_at(source: &str, query: &str, at: Timestamp) -> Result<Vec<Sample>, MetricsError> {
    sys::query(source, query, Some(at))
}

/// Evaluates a PromQL expression over a range, both ends included. `step` is at least a second.
///
/// # Errors
/// The query was not answered.
pub fn query_range(
    source: &str,
    query: &str,
    start: Timestamp,
    end: Timestamp,
    step: Duration,
) -> Result<Vec<Series>, MetricsError> {
    let step = u64::try_from(step.as_millis()).unwrap_or(u64::MAX);
    sys::query_range(source, query, start, end, step)
}

impl std::fmt::Display for MetricsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for MetricsError {}

impl From<MetricsError> for Failure {
    fn from(error: MetricsError) -> Self {
        Self::source(error.message)
    }
}
