//! The host calls for metrics and the cluster.

use std::sync::Arc;
use std::time::Duration;

use rollgate_model::{ClusterError, MetricsError, MetricsErrorCode, host_calls};
use wasmtime::Result;

use super::bindings::rollgate::policy::{cluster, metrics, types};
use super::clock::timestamp;
use super::results;
use crate::engine::running::grants::{CallRefused, HostCall};
use crate::engine::running::state::{Evaluation, HostState, Review};
use crate::sources::{KindRef, ListQuery, ObjectRef, Range, Reading, Scope, Weigh};

/// Why a host call fails.
pub(super) enum CallError {
    /// The guest gets an error with a code of the contract.
    Returned { code: &'static str, message: String },
    /// The guest is stopped.
    Trap(wasmtime::Error),
}

type CallResult<T> = Result<T, CallError>;

impl metrics::Host for HostState {
    async fn query(
        &mut self,
        source: String,
        query: String,
        at: Option<types::Timestamp>,
    ) -> CallResult<Vec<metrics::Sample>> {
        let evaluation = self.evaluation("metrics.query")?;
        let at = match at {
            Some(at) => results::timestamp(at).map_err(bad_query)?,
            None => evaluation.review.read_clock(),
        };
        let review = evaluation.admit(HostCall::Metrics { source: &source })?;
        let grants = Arc::clone(&evaluation.grants);
        let metrics = &review.sources.metrics;
        let answer = metrics.query(grants.requester(), &source, &query, at);
        let samples = self.wait(answer).await?;
        self.check_held(&samples)?;
        Ok(samples.into_iter().map(sample).collect())
    }

    async fn query_range(
        &mut self,
        source: String,
        query: String,
        start: types::Timestamp,
        end: types::Timestamp,
        step: u64,
    ) -> CallResult<Vec<metrics::Series>> {
        let evaluation = self.evaluation("metrics.query-range")?;
        let range = range(start, end, step).map_err(bad_query)?;
        let review = evaluation.admit(HostCall::Metrics { source: &source })?;
        let grants = Arc::clone(&evaluation.grants);
        let metrics = &review.sources.metrics;
        let answer = metrics.query_range(grants.requester(), &source, &query, range);
        let all = self.wait(answer).await?;
        self.check_held(&all)?;
        Ok(all.into_iter().map(series).collect())
    }

    fn convert_metrics_error(&mut self, error: CallError) -> Result<metrics::MetricsError> {
        let (code, message) = error.returned()?;
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
    ) -> CallResult<String> {
        let object = [&*version, &kind, &namespace, &name];
        self.object("cluster.get", object, Reading::Recent).await
    }

    async fn list(
        &mut self,
        version: String,
        kind: String,
        namespace: String,
        labels: String,
    ) -> CallResult<Vec<String>> {
        let query = [&*version, &kind, &namespace, &labels];
        self.objects("cluster.list", query, Reading::Recent).await
    }

    async fn get_fresh(
        &mut self,
        version: String,
        kind: String,
        namespace: String,
        name: String,
    ) -> CallResult<String> {
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
    ) -> CallResult<Vec<String>> {
        let query = [&*version, &kind, &namespace, &labels];
        self.objects("cluster.list-fresh", query, Reading::Fresh)
            .await
    }

    fn convert_cluster_error(&mut self, error: CallError) -> Result<cluster::ClusterError> {
        let (code, message) = error.returned()?;
        Ok(cluster::ClusterError { code, message })
    }
}

impl HostState {
    /// Checks that the result of a query fits into the memory that the guest has left.
    fn check_held(&mut self, result: &[impl Weigh]) -> Result<()> {
        let bytes = result.iter().map(Weigh::bytes).sum();
        self.usage.check_held_for_guest(bytes)
    }

    async fn object(
        &mut self,
        call: &'static str,
        [api_version, kind, namespace, name]: [&str; 4],
        reading: Reading,
    ) -> CallResult<String> {
        let review = self.evaluation(call)?.admit(HostCall::Cluster {
            api_version,
            kind,
            scope: Scope::of(namespace),
        })?;
        let object = ObjectRef {
            kind: KindRef { api_version, kind },
            namespace: Scope::of(namespace).namespace(),
            name,
        };
        let text = self.wait(review.sources.cluster.get(object, reading));
        let text = text.await?;
        self.usage.check_held_for_guest(text.len())?;
        Ok(text.as_ref().to_owned())
    }

    async fn objects(
        &mut self,
        call: &'static str,
        [api_version, kind, namespace, label_selector]: [&str; 4],
        reading: Reading,
    ) -> CallResult<Vec<String>> {
        let review = self.evaluation(call)?.admit(HostCall::Cluster {
            api_version,
            kind,
            scope: Scope::of(namespace),
        })?;
        let query = ListQuery {
            kind: KindRef { api_version, kind },
            scope: Scope::of(namespace),
            label_selector,
        };
        let all = self.wait(review.sources.cluster.list(query, reading));
        let all = all.await?;
        let bytes = all.iter().map(|text| text.len()).sum();
        self.usage.check_held_for_guest(bytes)?;
        Ok(all.iter().map(|text| text.as_ref().to_owned()).collect())
    }
}

impl Evaluation {
    /// Checks a call against the grants, and returns the review with its sources.
    fn admit(&mut self, call: HostCall<'_>) -> Result<Arc<Review>, CallRefused> {
        self.grants.check(call, &mut self.budget)?;
        self.waiting_for = Some(call.to_string());
        Ok(Arc::clone(&self.review))
    }
}

impl CallError {
    fn returned(self) -> Result<(String, String)> {
        match self {
            Self::Returned { code, message } => Ok((code.to_owned(), message)),
            Self::Trap(error) => Err(error),
        }
    }
}

impl From<wasmtime::Error> for CallError {
    fn from(error: wasmtime::Error) -> Self {
        Self::Trap(error)
    }
}

impl From<MetricsError> for CallError {
    fn from(MetricsError { code, message }: MetricsError) -> Self {
        let code = code.as_str();
        Self::Returned { code, message }
    }
}

impl From<ClusterError> for CallError {
    fn from(ClusterError { code, message }: ClusterError) -> Self {
        let code = code.as_str();
        Self::Returned { code, message }
    }
}

/// The contract has the same two codes for metrics and the cluster.
impl From<CallRefused> for CallError {
    fn from(refused: CallRefused) -> Self {
        let (code, message) = match refused {
            CallRefused::NotGranted(message) => (MetricsErrorCode::NotGranted, message),
            CallRefused::TooMany(message) => (MetricsErrorCode::Limit, message),
        };
        MetricsError { code, message }.into()
    }
}

fn range(start: types::Timestamp, end: types::Timestamp, step: u64) -> Result<Range, String> {
    let (start, end) = (results::timestamp(start)?, results::timestamp(end)?);
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

fn bad_query(message: String) -> CallError {
    let code = MetricsErrorCode::BadQuery;
    MetricsError { code, message }.into()
}

#[cfg(test)]
mod tests {
    use rollgate_model::ClusterErrorCode;

    use super::*;

    #[test]
    fn refused_call_has_the_same_code_for_metrics_and_the_cluster() {
        let code = |refused: CallRefused| match CallError::from(refused) {
            CallError::Returned { code, .. } => code,
            CallError::Trap(error) => panic!("{error}"),
        };
        let not_granted = code(CallRefused::NotGranted(String::new()));
        assert_eq!(not_granted, ClusterErrorCode::NotGranted.as_str());
        let too_many = code(CallRefused::TooMany(String::new()));
        assert_eq!(too_many, ClusterErrorCode::Limit.as_str());
    }
}
