//! The metrics of a scenario: queries and their answers.

mod entry;
mod value;

use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use entry::{MetricAnswer, MetricEntry};
pub use value::MetricValue;

use super::{MissingFact, Scenario, instant};
use crate::{MetricsError, Point, Sample, Series};

/// The start, end and step of a range query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MetricRange {
    /// The first instant.
    #[serde(deserialize_with = "instant::required")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub start: Timestamp,
    /// The last instant.
    #[serde(deserialize_with = "instant::required")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub end: Timestamp,
    /// The distance between two points, such as `30s`.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    #[schemars(with = "String")]
    pub step: Duration,
}

/// One value of an instant query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScenarioSample {
    /// Its labels.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// Its value.
    pub value: MetricValue,
    /// Its timestamp; absent, the instant of the query.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "instant::optional"
    )]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub at: Option<Timestamp>,
}

/// One series of a range query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScenarioSeries {
    /// Its labels.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// Its values, oldest first.
    pub points: Vec<ScenarioPoint>,
}

/// One value of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScenarioPoint {
    /// The time of the value.
    #[serde(deserialize_with = "instant::required")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub at: Timestamp,
    /// The value.
    pub value: MetricValue,
}

type Labels = std::collections::BTreeMap<String, String>;

impl Scenario {
    /// Returns the scenario's answer to an instant query. An entry without `at` answers the
    /// scenario's `now`, and where there is none, any instant.
    ///
    /// # Errors
    ///
    /// The scenario does not answer this query.
    pub fn metrics_at(
        &self,
        source: &str,
        query: &str,
        at: Timestamp,
    ) -> Result<Result<Vec<Sample>, MetricsError>, MissingFact> {
        self.entries_for(source, query)
            .find_map(|entry| match &entry.answer {
                MetricAnswer::Instant {
                    at: entry_at,
                    answer,
                } if entry_at.or(self.now).is_none_or(|entry_at| entry_at == at) => Some(
                    answer
                        .clone()
                        .map(|samples| samples.iter().map(|s| s.sample(at)).collect()),
                ),
                _ => None,
            })
            .ok_or_else(|| MissingFact::Instant {
                source: source.to_owned(),
                query: query.to_owned(),
                at: (self.now != Some(at)).then_some(at),
            })
    }

    /// Returns the scenario's answer to a range query.
    ///
    /// # Errors
    ///
    /// The scenario does not answer this query over this range.
    pub fn metrics_range(
        &self,
        source: &str,
        query: &str,
        range: MetricRange,
    ) -> Result<Result<Vec<Series>, MetricsError>, MissingFact> {
        self.entries_for(source, query)
            .find_map(|entry| match &entry.answer {
                MetricAnswer::Range {
                    range: entry_range,
                    answer,
                } if *entry_range == range => Some(
                    answer
                        .clone()
                        .map(|series| series.iter().map(ScenarioSeries::series).collect()),
                ),
                _ => None,
            })
            .ok_or_else(|| MissingFact::Range {
                source: source.to_owned(),
                query: query.to_owned(),
                range,
            })
    }

    fn entries_for(&self, source: &str, query: &str) -> impl Iterator<Item = &MetricEntry> {
        self.metrics
            .iter()
            .filter(move |entry| entry.source == source && entry.query == query)
    }
}

impl ScenarioSample {
    fn sample(&self, query_time: Timestamp) -> Sample {
        Sample {
            labels: pairs(&self.labels),
            value: self.value.0,
            at: self.at.unwrap_or(query_time),
        }
    }
}

impl From<Sample> for ScenarioSample {
    fn from(sample: Sample) -> Self {
        Self {
            labels: sample.labels.into_iter().collect(),
            value: MetricValue(sample.value),
            at: Some(sample.at),
        }
    }
}

impl ScenarioSeries {
    fn series(&self) -> Series {
        let points = self.points.iter().map(|point| Point {
            value: point.value.0,
            at: point.at,
        });
        Series {
            labels: pairs(&self.labels),
            points: points.collect(),
        }
    }
}

impl From<Series> for ScenarioSeries {
    fn from(series: Series) -> Self {
        let point = |point: Point| ScenarioPoint {
            at: point.at,
            value: MetricValue(point.value),
        };
        Self {
            labels: series.labels.into_iter().collect(),
            points: series.points.into_iter().map(point).collect(),
        }
    }
}

fn pairs(labels: &Labels) -> Vec<(String, String)> {
    labels
        .iter()
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}
