//! Metrics and the cluster, for the guest.

use std::sync::Arc;
use std::time::Duration;

use rollgate_model::{ClusterError, ClusterErrorCode, MetricsError, MetricsErrorCode};
use wasmtime::Result;

use super::answers;
use super::bindings::rollgate::policy::{cluster, metrics, types};
use super::clock::timestamp;
use crate::engine::gate::{Ask, Shut};
use crate::engine::state::{HostState, Judging};
use crate::sources::{ListQuery, ObjectRef, Range, Reading};

/// Prometheus itself takes no step below a millisecond; below a second nobody scrapes.
const SHORTEST_STEP: u64 = 1_000;

impl metrics::Host for HostState {
    async fn query(
        &mut self,
        source: String,
        query: String,
        at: Option<types::Timestamp>,
    ) -> Result<Result<Vec<metrics::Sample>, metrics::MetricsError>> {
        let judging = self.judging_for("metrics.query")?;
        let at = match at.map(answers::timestamp).transpose() {
            Ok(at) => at.unwrap_or(judging.review.now),
            Err(message) => return Ok(Err(bad_query(message))),
        };
        if let Err(error) = judging.open_metrics(&source) {
            return Ok(Err(error));
        }
        let metrics = Arc::clone(&judging.review.sources.metrics);
        let answer = self.wait(metrics.query(&source, &query, at)).await;
        Ok(answer
            .map(|samples| samples.into_iter().map(sample).collect())
            .map_err(metrics_error))
    }

    async fn query_range(
        &mut self,
        source: String,
        query: String,
        start: types::Timestamp,
        end: types::Timestamp,
        step: u64,
    ) -> Result<Result<Vec<metrics::Series>, metrics::MetricsError>> {
        let judging = self.judging_for("metrics.query-range")?;
        let range = match range(start, end, step) {
            Ok(range) => range,
            Err(message) => return Ok(Err(bad_query(message))),
        };
        if let Err(error) = judging.open_metrics(&source) {
            return Ok(Err(error));
        }
        let metrics = Arc::clone(&judging.review.sources.metrics);
        let answer = self.wait(metrics.query_range(&source, &query, range)).await;
        Ok(answer
            .map(|all| all.into_iter().map(series).collect())
            .map_err(metrics_error))
    }
}

type Text = std::result::Result<String, cluster::ClusterError>;
type Texts = std::result::Result<Vec<String>, cluster::ClusterError>;

impl cluster::Host for HostState {
    async fn get(
        &mut self,
        version: String,
        kind: String,
        namespace: String,
        name: String,
    ) -> Result<Text> {
        let object = [&*version, &kind, &namespace, &name];
        self.get_object("cluster.get", object, Reading::Recent)
            .await
    }

    async fn list(
        &mut self,
        version: String,
        kind: String,
        namespace: String,
        labels: String,
    ) -> Result<Texts> {
        let query = [&*version, &kind, &namespace, &labels];
        self.list_objects("cluster.list", query, Reading::Recent)
            .await
    }

    async fn get_fresh(
        &mut self,
        version: String,
        kind: String,
        namespace: String,
        name: String,
    ) -> Result<Text> {
        let object = [&*version, &kind, &namespace, &name];
        self.get_object("cluster.get-fresh", object, Reading::Fresh)
            .await
    }

    async fn list_fresh(
        &mut self,
        version: String,
        kind: String,
        namespace: String,
        labels: String,
    ) -> Result<Texts> {
        let query = [&*version, &kind, &namespace, &labels];
        self.list_objects("cluster.list-fresh", query, Reading::Fresh)
            .await
    }
}

impl HostState {
    async fn get_object(
        &mut self,
        call: &'static str,
        [api_version, kind, namespace, name]: [&str; 4],
        reading: Reading,
    ) -> Result<Text> {
        let judging = self.judging_for(call)?;
        if let Err(error) = judging.open_cluster(api_version, kind, namespace) {
            return Ok(Err(error));
        }
        let object = ObjectRef {
            api_version,
            kind,
            namespace,
            name,
        };
        let cluster = Arc::clone(&judging.review.sources.cluster);
        let answer = self.wait(cluster.get(object, reading)).await;
        Ok(answer
            .map(|text| text.as_ref().to_owned())
            .map_err(cluster_error))
    }

    async fn list_objects(
        &mut self,
        call: &'static str,
        [api_version, kind, namespace, label_selector]: [&str; 4],
        reading: Reading,
    ) -> Result<Texts> {
        let judging = self.judging_for(call)?;
        if let Err(error) = judging.open_cluster(api_version, kind, namespace) {
            return Ok(Err(error));
        }
        let query = ListQuery {
            api_version,
            kind,
            namespace,
            label_selector,
        };
        let cluster = Arc::clone(&judging.review.sources.cluster);
        let answer = self.wait(cluster.list(query, reading)).await;
        Ok(answer
            .map(|all| all.iter().map(|text| text.as_ref().to_owned()).collect())
            .map_err(cluster_error))
    }
}

impl Judging {
    fn open_metrics(&mut self, source: &str) -> Result<(), metrics::MetricsError> {
        self.grants
            .admit(Ask::Metrics { source }, &mut self.budget)
            .map_err(|shut| {
                let (code, message) = match shut {
                    Shut::NotGranted(message) => (MetricsErrorCode::NotGranted, message),
                    Shut::Spent(message) => (MetricsErrorCode::Limit, message),
                };
                metrics_error(MetricsError { code, message })
            })?;
        self.waiting_for = Some(format!("the metrics source `{source}`"));
        Ok(())
    }

    fn open_cluster(
        &mut self,
        api_version: &str,
        kind: &str,
        namespace: &str,
    ) -> Result<(), cluster::ClusterError> {
        self.grants
            .admit(
                Ask::Cluster {
                    api_version,
                    kind,
                    namespace,
                },
                &mut self.budget,
            )
            .map_err(|shut| {
                let (code, message) = match shut {
                    Shut::NotGranted(message) => (ClusterErrorCode::NotGranted, message),
                    Shut::Spent(message) => (ClusterErrorCode::Limit, message),
                };
                cluster_error(ClusterError { code, message })
            })?;
        self.waiting_for = Some(format!("{kind} objects of the cluster"));
        Ok(())
    }
}

fn range(start: types::Timestamp, end: types::Timestamp, step: u64) -> Result<Range, String> {
    let (start, end) = (answers::timestamp(start)?, answers::timestamp(end)?);
    if end < start {
        return Err(format!("the range ends ({end}) before it starts ({start})"));
    }
    if step < SHORTEST_STEP {
        return Err(format!(
            "a step of {step} ms is shorter than {SHORTEST_STEP} ms"
        ));
    }
    Ok(Range {
        start,
        end,
        step: Duration::from_millis(step),
    })
}

fn sample(sample: rollgate_model::Sample) -> metrics::Sample {
    metrics::Sample {
        labels: sample.labels,
        value: sample.value,
        at: timestamp(sample.at),
    }
}

fn series(series: rollgate_model::Series) -> metrics::Series {
    let point = |point: rollgate_model::Point| metrics::Point {
        value: point.value,
        at: timestamp(point.at),
    };
    metrics::Series {
        labels: series.labels,
        points: series.points.into_iter().map(point).collect(),
    }
}

fn bad_query(message: String) -> metrics::MetricsError {
    metrics_error(MetricsError {
        code: MetricsErrorCode::BadQuery,
        message,
    })
}

fn metrics_error(error: MetricsError) -> metrics::MetricsError {
    metrics::MetricsError {
        code: error.code.as_str().into(),
        message: error.message,
    }
}

fn cluster_error(error: ClusterError) -> cluster::ClusterError {
    cluster::ClusterError {
        code: error.code.as_str().into(),
        message: error.message,
    }
}
