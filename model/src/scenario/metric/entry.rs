//! One entry of `metrics`: flat in the file, a type for each form in memory.

use std::borrow::Cow;

use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use super::super::instant;
use super::{MetricRange, ScenarioSample, ScenarioSeries};
use crate::{MetricsError, MetricsErrorCode, Sample, Series};

/// A query to a source and its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Flat", into = "Flat")]
pub struct MetricEntry {
    /// The source's name.
    pub source: String,
    /// The query, as the policy sends it.
    pub query: String,
    /// The time or range of the query, and its answer.
    pub answer: MetricAnswer,
}

/// The time or range of a query, and its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MetricAnswer {
    /// An instant query.
    Instant {
        /// The instant; absent, that of the review.
        at: Option<Timestamp>,
        /// The answer; no samples mean no data.
        answer: Result<Vec<ScenarioSample>, MetricsError>,
    },
    /// A range query.
    Range {
        /// The range.
        range: MetricRange,
        /// The answer; no series mean no data.
        answer: Result<Vec<ScenarioSeries>, MetricsError>,
    },
}

impl MetricEntry {
    /// Records a source's answer to an instant query.
    #[must_use]
    pub fn instant(
        source: &str,
        query: &str,
        at: Timestamp,
        answer: Result<Vec<Sample>, MetricsError>,
    ) -> Self {
        let answer = answer.map(|samples| samples.into_iter().map(ScenarioSample::from).collect());
        Self {
            source: source.to_owned(),
            query: query.to_owned(),
            answer: MetricAnswer::Instant {
                at: Some(at),
                answer,
            },
        }
    }

    /// Records a source's answer to a range query.
    #[must_use]
    pub fn range(
        source: &str,
        query: &str,
        range: MetricRange,
        answer: Result<Vec<Series>, MetricsError>,
    ) -> Self {
        let answer = answer.map(|series| series.into_iter().map(ScenarioSeries::from).collect());
        Self {
            source: source.to_owned(),
            query: query.to_owned(),
            answer: MetricAnswer::Range { range, answer },
        }
    }
}

/// An entry as it is in the file.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "MetricEntry")]
struct Flat {
    /// The source's name.
    source: String,
    /// The query, as the policy sends it.
    query: String,
    /// The instant of an instant query; absent, the scenario's `now`.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "instant::optional"
    )]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    at: Option<Timestamp>,
    /// The range of a range query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    range: Option<MetricRange>,
    /// The answer to an instant query; an empty list means no data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    samples: Option<Vec<ScenarioSample>>,
    /// The answer to a range query; an empty list means no data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    series: Option<Vec<ScenarioSeries>>,
    /// The failure of the query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<FlatError>,
}

/// Why a query fails.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "MetricsError")]
struct FlatError {
    /// The kind of failure.
    code: MetricsErrorCode,
    /// A message for people.
    message: String,
}

/// Fields of an entry that exclude each other.
#[derive(Debug, thiserror::Error)]
enum EntryError {
    #[error("a range query has `range`, an instant query `at`; this has both")]
    AtAndRange,
    #[error("the range must end at or after its start, and its step must be longer than nothing")]
    BadRange,
    #[error(
        "give one answer: `samples` (to a query at an instant), `series` (to a query with `range`) or `error`"
    )]
    NotOneAnswer,
    #[error("a query with `range` is answered with `series`, and one without it with `samples`")]
    WrongAnswer,
}

impl TryFrom<Flat> for MetricEntry {
    type Error = EntryError;

    fn try_from(flat: Flat) -> Result<Self, EntryError> {
        let Flat {
            source,
            query,
            at,
            range,
            samples,
            series,
            error,
        } = flat;
        let error = error.map(|error| MetricsError {
            code: error.code,
            message: error.message,
        });
        let answer = match (range, samples, series, error) {
            (None, Some(samples), None, None) => MetricAnswer::Instant {
                at,
                answer: Ok(samples),
            },
            (None, None, None, Some(error)) => MetricAnswer::Instant {
                at,
                answer: Err(error),
            },
            (Some(_), ..) if at.is_some() => return Err(EntryError::AtAndRange),
            (Some(range), ..) if range.end < range.start || range.step.is_zero() => {
                return Err(EntryError::BadRange);
            }
            (Some(range), None, Some(series), None) => MetricAnswer::Range {
                range,
                answer: Ok(series),
            },
            (Some(range), None, None, Some(error)) => MetricAnswer::Range {
                range,
                answer: Err(error),
            },
            (None, None, Some(_), None) | (Some(_), Some(_), None, None) => {
                return Err(EntryError::WrongAnswer);
            }
            _ => return Err(EntryError::NotOneAnswer),
        };
        Ok(Self {
            source,
            query,
            answer,
        })
    }
}

impl From<MetricEntry> for Flat {
    fn from(entry: MetricEntry) -> Self {
        let MetricEntry {
            source,
            query,
            answer,
        } = entry;
        let mut flat = Self {
            source,
            query,
            at: None,
            range: None,
            samples: None,
            series: None,
            error: None,
        };
        let error = match answer {
            MetricAnswer::Instant { at, answer } => {
                flat.at = at;
                answer.map(|samples| flat.samples = Some(samples)).err()
            }
            MetricAnswer::Range { range, answer } => {
                flat.range = Some(range);
                answer.map(|series| flat.series = Some(series)).err()
            }
        };
        flat.error = error.map(|error| FlatError {
            code: error.code,
            message: error.message,
        });
        flat
    }
}

impl JsonSchema for MetricEntry {
    fn schema_name() -> Cow<'static, str> {
        Flat::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Flat::json_schema(generator)
    }
}
