//! Metrics and the cluster, for the guest.

use std::sync::Arc;
use std::time::Duration;

use rollgate_model::{ClusterError, MetricsError, MetricsErrorCode, host_calls};
use wasmtime::Result;

use super::answers;
use super::bindings::rollgate::policy::{cluster, metrics, types};
use super::clock::timestamp;
use crate::engine::gate::{Ask, Shut};
use crate::engine::state::{HostState, Judging, Review};
use crate::sources::{KindRef, ListQuery, ObjectRef, Range, Reading, Scope};

/// Why the guest's question gets no answer.
pub(super) enum MissingFact {
    /// It is told so, by a code of the contract.
    Told { code: &'static str, message: String },
    /// It ends here.
    Trap(wasmtime::Error),
}

type Answer<T> = Result<T, MissingFact>;

impl metrics::Host for HostState {
    async fn query(
        &mut self,
        source: String,
        query: String,
        at: Option<types::Timestamp>,
    ) -> Answer<Vec<metrics::Sample>> {
        let judging = self.judging_for("metrics.query")?;
        let at = match at {
            Some(at) => answers::timestamp(at).map_err(bad_query)?,
            None => judging.review.tell_now(),
        };
        let review = judging.open(Ask::Metrics { source: &source })?;
        let answer = review.sources.metrics.query(&source, &query, at);
        let samples = self.wait(answer).await?;
        Ok(samples.into_iter().map(sample).collect())
    }

    async fn query_range(
        &mut self,
        source: String,
        query: String,
        start: types::Timestamp,
        end: types::Timestamp,
        step: u64,
    ) -> Answer<Vec<metrics::Series>> {
        let judging = self.judging_for("metrics.query-range")?;
        let range = range(start, end, step).map_err(bad_query)?;
        let review = judging.open(Ask::Metrics { source: &source })?;
        let answer = review.sources.metrics.query_range(&source, &query, range);
        let all = self.wait(answer).await?;
        Ok(all.into_iter().map(series).collect())
    }

    fn convert_metrics_error(&mut self, error: MissingFact) -> Result<metrics::MetricsError> {
        let (code, message) = error.told()?;
        Ok(metrics::MetricsError { code, message })
    }
}

impl cluster::Host for HostState {
    async fn get(
        &mut self,
        version: String,
        kind: String,
        namespace: String,
        name: String,
    ) -> Answer<String> {
        let object = [&*version, &kind, &namespace, &name];
        self.object("cluster.get", object, Reading::Recent).await
    }

    async fn list(
        &mut self,
        version: String,
        kind: String,
        namespace: String,
        labels: String,
    ) -> Answer<Vec<String>> {
        let query = [&*version, &kind, &namespace, &labels];
        self.objects("cluster.list", query, Reading::Recent).await
    }

    async fn get_fresh(
        &mut self,
        version: String,
        kind: String,
        namespace: String,
        name: String,
    ) -> Answer<String> {
        let object = [&*version, &kind, &namespace, &name];
        self.object("cluster.get-fresh", object, Reading::Fresh)
            .await
    }

    async fn list_fresh(
        &mut self,
        version: String,
        kind: String,
        namespace: String,
        labels: String,
    ) -> Answer<Vec<String>> {
        let query = [&*version, &kind, &namespace, &labels];
        self.objects("cluster.list-fresh", query, Reading::Fresh)
            .await
    }

    fn convert_cluster_error(&mut self, error: MissingFact) -> Result<cluster::ClusterError> {
        let (code, message) = error.told()?;
        Ok(cluster::ClusterError { code, message })
    }
}

impl HostState {
    async fn object(
        &mut self,
        call: &'static str,
        [api_version, kind, namespace, name]: [&str; 4],
        reading: Reading,
    ) -> Answer<String> {
        let review = self.judging_for(call)?.open(Ask::Cluster {
            api_version,
            kind,
            namespace,
        })?;
        let object = ObjectRef {
            kind: KindRef { api_version, kind },
            namespace: Scope::of(namespace).namespace(),
            name,
        };
        let text = self.wait(review.sources.cluster.get(object, reading));
        Ok(text.await?.as_ref().to_owned())
    }

    async fn objects(
        &mut self,
        call: &'static str,
        [api_version, kind, namespace, label_selector]: [&str; 4],
        reading: Reading,
    ) -> Answer<Vec<String>> {
        let review = self.judging_for(call)?.open(Ask::Cluster {
            api_version,
            kind,
            namespace,
        })?;
        let query = ListQuery {
            kind: KindRef { api_version, kind },
            scope: Scope::of(namespace),
            label_selector,
        };
        let all = self.wait(review.sources.cluster.list(query, reading));
        let all = all.await?.into_iter();
        Ok(all.map(|text| text.as_ref().to_owned()).collect())
    }
}

impl Judging {
    /// Opens the gate to the sources for one question.
    fn open(&mut self, ask: Ask<'_>) -> Result<Arc<Review>, Shut> {
        self.grants.admit(ask, &mut self.budget)?;
        self.waiting_for = Some(ask.to_string());
        Ok(Arc::clone(&self.review))
    }
}

impl MissingFact {
    fn told(self) -> Result<(String, String)> {
        match self {
            Self::Told { code, message } => Ok((code.to_owned(), message)),
            Self::Trap(error) => Err(error),
        }
    }
}

impl From<wasmtime::Error> for MissingFact {
    fn from(error: wasmtime::Error) -> Self {
        Self::Trap(error)
    }
}

impl From<MetricsError> for MissingFact {
    fn from(MetricsError { code, message }: MetricsError) -> Self {
        let code = code.as_str();
        Self::Told { code, message }
    }
}

impl From<ClusterError> for MissingFact {
    fn from(ClusterError { code, message }: ClusterError) -> Self {
        let code = code.as_str();
        Self::Told { code, message }
    }
}

/// The contract has the same two words for metrics and the cluster.
impl From<Shut> for MissingFact {
    fn from(shut: Shut) -> Self {
        let (code, message) = match shut {
            Shut::NotGranted(message) => (MetricsErrorCode::NotGranted, message),
            Shut::Spent(message) => (MetricsErrorCode::Limit, message),
        };
        MetricsError { code, message }.into()
    }
}

fn range(start: types::Timestamp, end: types::Timestamp, step: u64) -> Result<Range, String> {
    let (start, end) = (answers::timestamp(start)?, answers::timestamp(end)?);
    let step = Duration::from_millis(step);
    host_calls::check_range(start, end, step)?;
    Ok(Range { start, end, step })
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

fn bad_query(message: String) -> MissingFact {
    let code = MetricsErrorCode::BadQuery;
    MetricsError { code, message }.into()
}

#[cfg(test)]
mod tests {
    use rollgate_model::ClusterErrorCode;

    use super::*;

    #[test]
    fn a_shut_gate_is_told_alike_by_metrics_and_the_cluster() {
        let code = |shut: Shut| match MissingFact::from(shut) {
            MissingFact::Told { code, .. } => code,
            MissingFact::Trap(error) => panic!("{error}"),
        };
        let not_granted = code(Shut::NotGranted(String::new()));
        assert_eq!(not_granted, ClusterErrorCode::NotGranted.as_str());
        let spent = code(Shut::Spent(String::new()));
        assert_eq!(spent, ClusterErrorCode::Limit.as_str());
    }
}
