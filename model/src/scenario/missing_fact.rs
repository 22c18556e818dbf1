//! Queries that a scenario does not answer, with the lines to add.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::metric::{
    MetricAnswer, MetricEntry, MetricRange, MetricValue, ScenarioPoint, ScenarioSample,
    ScenarioSeries,
};

/// A query that the scenario does not answer. Its message ends with the lines to add.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MissingFact {
    /// The current time.
    Now,
    /// A metrics query at an instant.
    Instant {
        /// The source's name.
        source: String,
        /// The query.
        query: String,
        /// The instant, where it is not the scenario's `now`.
        at: Option<Timestamp>,
    },
    /// A metrics query over a range.
    Range {
        /// The source's name.
        source: String,
        /// The query.
        query: String,
        /// The range.
        range: MetricRange,
    },
    /// One object.
    Object {
        /// The API version of its kind.
        api_version: String,
        /// Its kind.
        kind: String,
        /// Its namespace; empty for a kind that has none.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// The objects of one kind.
    List {
        /// The API version of the kind.
        api_version: String,
        /// The kind.
        kind: String,
        /// The namespace; empty for all.
        namespace: String,
        /// The label selector; empty for all.
        label_selector: String,
    },
}

impl std::error::Error for MissingFact {}

impl fmt::Display for MissingFact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.question(f)?;
        f.write_str(". Add to the scenario")?;
        if matches!(self, Self::Object { .. } | Self::List { .. }) {
            f.write_str(" (or `objects: []`, where there is none)")?;
        }
        f.write_str(":\n")?;
        let lines = serde_saphyr::to_string(&self.lines()).map_err(|_| fmt::Error)?;
        f.write_str(lines.trim_end())
    }
}

impl MissingFact {
    fn question(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the scenario does not say ")?;
        match self {
            Self::Now => f.write_str("what time it is"),
            Self::Instant { source, query, .. } => {
                write!(f, "what the source `{source}` answers to `{query}`")
            }
            Self::Range { source, query, .. } => {
                write!(
                    f,
                    "what the source `{source}` answers to `{query}` over this range"
                )
            }
            Self::Object {
                kind,
                namespace,
                name,
                ..
            } => {
                let slash = if namespace.is_empty() { "" } else { "/" };
                write!(f, "whether there is a {kind} {namespace}{slash}{name}")
            }
            Self::List {
                kind,
                namespace,
                label_selector,
                ..
            } => {
                let (scope, labels) = (in_namespace(namespace), with_labels(label_selector));
                write!(f, "which {kind} objects there are{scope}{labels}")
            }
        }
    }

    /// Returns an example answer.
    fn lines(&self) -> Lines {
        match self.clone() {
            Self::Now => Lines::Now("2026-01-01T12:00:00Z"),
            Self::Instant { source, query, at } => {
                let answer = Ok(vec![ScenarioSample {
                    labels: BTreeMap::new(),
                    value: ZERO,
                    at: None,
                }]);
                let answer = MetricAnswer::Instant { at, answer };
                Lines::Metrics([MetricEntry {
                    source,
                    query,
                    answer,
                }])
            }
            Self::Range {
                source,
                query,
                range,
            } => {
                let points = vec![ScenarioPoint {
                    at: range.start,
                    value: ZERO,
                }];
                let answer = Ok(vec![ScenarioSeries {
                    labels: BTreeMap::new(),
                    points,
                }]);
                let answer = MetricAnswer::Range { range, answer };
                Lines::Metrics([MetricEntry {
                    source,
                    query,
                    answer,
                }])
            }
            Self::Object {
                api_version,
                kind,
                namespace,
                name,
            } => Lines::Objects([object(&api_version, &kind, &namespace, &name)]),
            Self::List {
                api_version,
                kind,
                namespace,
                ..
            } => Lines::Objects([object(&api_version, &kind, &namespace, "example")]),
        }
    }
}

/// The value in an example.
const ZERO: MetricValue = MetricValue(0.0);

/// The part of a scenario that has the answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Lines {
    Now(&'static str),
    Metrics([MetricEntry; 1]),
    Objects([Value; 1]),
}

fn object(api_version: &str, kind: &str, namespace: &str, name: &str) -> Value {
    let mut metadata = json!({ "name": name });
    if !namespace.is_empty() {
        metadata["namespace"] = namespace.into();
    }
    json!({ "apiVersion": api_version, "kind": kind, "metadata": metadata })
}

fn in_namespace(namespace: &str) -> String {
    if namespace.is_empty() {
        String::new()
    } else {
        format!(" in {namespace}")
    }
}

fn with_labels(selector: &str) -> String {
    if selector.is_empty() {
        String::new()
    } else {
        format!(" with the labels {selector}")
    }
}
