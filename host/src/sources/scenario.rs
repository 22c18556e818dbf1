//! The world of a scenario file: what it answers, and for what it does not, the lines to add.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use jiff::Timestamp;
use rollgate_model::scenario::{MetricRange, Scenario, Unanswered};
use rollgate_model::{
    ClusterError, ClusterErrorCode, MetricsError, MetricsErrorCode, Sample, Series,
};
use serde_json::Value;

use super::{Clock, Cluster, FixedClock, ListQuery, Metrics, ObjectRef, Range, Sources};

impl Sources {
    /// The world of a scenario. `otherwise` tells the time where the scenario does not.
    #[must_use]
    pub fn of_scenario(scenario: Arc<Scenario>, otherwise: Arc<dyn Clock>) -> Self {
        let clock = match scenario.now {
            Some(now) => Arc::new(FixedClock(now)),
            None => otherwise,
        };
        let world = Arc::new(World(scenario));
        Self {
            clock,
            metrics: Arc::clone(&world) as Arc<dyn Metrics>,
            cluster: world,
        }
    }
}

struct World(Arc<Scenario>);

impl Metrics for World {
    fn query<'a>(
        &'a self,
        source: &'a str,
        query: &'a str,
        at: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<Sample>, MetricsError>> {
        let answer = self.0.metrics_at(source, query, at);
        ready(answer.unwrap_or_else(|unanswered| Err(no_metrics(&unanswered)))).boxed()
    }

    fn query_range<'a>(
        &'a self,
        source: &'a str,
        query: &'a str,
        range: Range,
    ) -> BoxFuture<'a, Result<Vec<Series>, MetricsError>> {
        let answer = self.0.metrics_range(source, query, range.into());
        ready(answer.unwrap_or_else(|unanswered| Err(no_metrics(&unanswered)))).boxed()
    }
}

impl Cluster for World {
    fn get<'a>(&'a self, object: ObjectRef<'a>) -> BoxFuture<'a, Result<Arc<str>, ClusterError>> {
        let ObjectRef {
            api_version,
            kind,
            namespace,
            name,
        } = object;
        let answer = self.0.object(api_version, kind, namespace, name);
        let answer = answer.unwrap_or_else(|unanswered| Err(no_object(&unanswered)));
        ready(answer.map(text)).boxed()
    }

    fn list<'a>(
        &'a self,
        query: ListQuery<'a>,
    ) -> BoxFuture<'a, Result<Vec<Arc<str>>, ClusterError>> {
        let ListQuery {
            api_version,
            kind,
            namespace,
            label_selector,
        } = query;
        let answer = self.0.list(api_version, kind, namespace, label_selector);
        let answer = answer.unwrap_or_else(|unanswered| Err(no_object(&unanswered)));
        ready(answer.map(|objects| objects.into_iter().map(text).collect())).boxed()
    }
}

impl From<Range> for MetricRange {
    fn from(Range { start, end, step }: Range) -> Self {
        Self { start, end, step }
    }
}

fn text(object: &Value) -> Arc<str> {
    object.to_string().into()
}

fn no_metrics(unanswered: &Unanswered) -> MetricsError {
    MetricsError {
        code: MetricsErrorCode::Unavailable,
        message: unanswered.to_string(),
    }
}

fn no_object(unanswered: &Unanswered) -> ClusterError {
    ClusterError {
        code: ClusterErrorCode::Unavailable,
        message: unanswered.to_string(),
    }
}

#[cfg(test)]
mod tests;
