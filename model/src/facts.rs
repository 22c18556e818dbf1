//! Facts that a policy can query, which are samples of metrics and objects of the cluster, and the
//! errors of these queries.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One value of an instant query.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Labels, sorted by name.
    pub labels: Vec<(String, String)>,
    /// The value; NaN and infinities are kept.
    pub value: f64,
    /// The timestamp of the source.
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

/// Why a metrics query failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct MetricsError {
    /// The kind of failure.
    pub code: MetricsErrorCode,
    /// A message for people; never contains an address or a credential.
    pub message: String,
}

/// The kinds of failure of a metrics query, named as in `wit/metrics.wit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MetricsErrorCode {
    /// The policy has no grant for this source.
    NotGranted,
    /// No source has this name.
    UnknownSource,
    /// The source did not answer in time.
    Timeout,
    /// The answer has too many bytes.
    TooLarge,
    /// The answer has too many series.
    TooManySeries,
    /// The source refused the query.
    BadQuery,
    /// The policy made too many host calls in one evaluation.
    Limit,
    /// The source could not be reached, or its answer could not be parsed.
    Unavailable,
}

impl MetricsErrorCode {
    /// Returns the word of the contract.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotGranted => "not-granted",
            Self::UnknownSource => "unknown-source",
            Self::Timeout => "timeout",
            Self::TooLarge => "too-large",
            Self::TooManySeries => "too-many-series",
            Self::BadQuery => "bad-query",
            Self::Limit => "limit",
            Self::Unavailable => "unavailable",
        }
    }
}

/// Why a read from the cluster failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ClusterError {
    /// The kind of failure.
    pub code: ClusterErrorCode,
    /// A message for people.
    pub message: String,
}

/// The kinds of failure of a cluster read, named as in `wit/cluster.wit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ClusterErrorCode {
    /// The policy has no grant for this kind.
    NotGranted,
    /// There is no such object.
    NotFound,
    /// rollgate itself may not read it.
    Forbidden,
    /// The cluster did not answer in time.
    Timeout,
    /// The answer has too many bytes or objects.
    TooLarge,
    /// The policy made too many host calls in one evaluation.
    Limit,
    /// An argument is malformed.
    Invalid,
    /// The cluster could not be reached, or its answer could not be parsed.
    Unavailable,
    /// There is nothing to read from: rollgate is not connected to a cluster, or the manifests that
    /// it checks have no object of the kind.
    NotSeen,
}

impl ClusterErrorCode {
    /// Returns the word of the contract.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotGranted => "not-granted",
            Self::NotFound => "not-found",
            Self::Forbidden => "forbidden",
            Self::Timeout => "timeout",
            Self::TooLarge => "too-large",
            Self::Limit => "limit",
            Self::Invalid => "invalid",
            Self::Unavailable => "unavailable",
            Self::NotSeen => "not-seen",
        }
    }
}
