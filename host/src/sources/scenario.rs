//! Sources that answer from a scenario, or with the lines to add to it.

use std::sync::{Arc, OnceLock};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use jiff::Timestamp;
use rollgate_model::scenario::{MetricRange, MissingFact, Scenario};
use rollgate_model::{
    ClusterError, ClusterErrorCode, MetricsError, MetricsErrorCode, RevisionQuery, Revisions,
    Sample, Series,
};
use serde_json::Value;

use super::{
    Clock, Cluster, FixedClock, History, KindRef, ListQuery, Metrics, ObjectRef, Range, Reading,
    Requester, Sources,
};

impl Sources {
    /// Returns the sources of a scenario, with the clock `otherwise` if it has no `now`.
    #[must_use]
    pub fn of_scenario(scenario: Arc<Scenario>, otherwise: Arc<dyn Clock>) -> Self {
        let clock = match scenario.now {
            Some(now) => Arc::new(FixedClock(now)),
            None => otherwise,
        };
        Self::new(scenario, clock, Arc::default())
    }

    /// Returns the sources of a scenario alone, and stores in `unanswered` the first query that it does not
    /// answer, the time included.
    #[must_use]
    pub fn of_scenario_alone(scenario: Arc<Scenario>, unanswered: Arc<FirstUnanswered>) -> Self {
        let clock: Arc<dyn Clock> = match scenario.now {
            Some(now) => Arc::new(FixedClock(now)),
            None => Arc::new(UnknownTime(Arc::clone(&unanswered))),
        };
        Self::new(scenario, clock, unanswered)
    }

    fn new(
        scenario: Arc<Scenario>,
        clock: Arc<dyn Clock>,
        unanswered: Arc<FirstUnanswered>,
    ) -> Self {
        let sources = Arc::new(ScenarioSources {
            scenario,
            unanswered,
        });
        Self {
            clock,
            metrics: Arc::clone(&sources) as Arc<dyn Metrics>,
            cluster: Arc::clone(&sources) as Arc<dyn Cluster>,
            history: sources,
        }
    }
}

/// The first query that a scenario did not answer. A policy may ignore a missing result; a test must not.
#[derive(Debug, Default)]
pub struct FirstUnanswered(OnceLock<MissingFact>);

impl FirstUnanswered {
    /// Returns the query, if there was one.
    #[must_use]
    pub fn question(&self) -> Option<&MissingFact> {
        self.0.get()
    }

    fn note(&self, question: MissingFact) {
        // Fails for all but the first.
        let _ = self.0.set(question);
    }
}

/// The clock of a scenario without `now`.
struct UnknownTime(Arc<FirstUnanswered>);

impl Clock for UnknownTime {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn on_read(&self) {
        self.0.note(MissingFact::Now);
    }
}

struct ScenarioSources {
    scenario: Arc<Scenario>,
    unanswered: Arc<FirstUnanswered>,
}

impl ScenarioSources {
    fn metrics_error(&self, question: MissingFact) -> MetricsError {
        let message = question.to_string();
        self.unanswered.note(question);
        MetricsError {
            code: MetricsErrorCode::Unavailable,
            message,
        }
    }

    fn cluster_error(&self, question: MissingFact) -> ClusterError {
        let message = question.to_string();
        self.unanswered.note(question);
        ClusterError {
            code: ClusterErrorCode::Unavailable,
            message,
        }
    }
}

impl Metrics for ScenarioSources {
    fn query<'a>(
        &'a self,
        _: Requester<'a>,
        source: &'a str,
        query: &'a str,
        at: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<Sample>, MetricsError>> {
        let answer = self.scenario.metrics_at(source, query, at);
        ready(answer.unwrap_or_else(|question| Err(self.metrics_error(question)))).boxed()
    }

    fn query_range<'a>(
        &'a self,
        _: Requester<'a>,
        source: &'a str,
        query: &'a str,
        range: Range,
    ) -> BoxFuture<'a, Result<Vec<Series>, MetricsError>> {
        let answer = self.scenario.metrics_range(source, query, range.into());
        ready(answer.unwrap_or_else(|question| Err(self.metrics_error(question)))).boxed()
    }
}

impl Cluster for ScenarioSources {
    fn get<'a>(
        &'a self,
        object: ObjectRef<'a>,
        _: Reading,
    ) -> BoxFuture<'a, Result<Arc<str>, ClusterError>> {
        let (KindRef { api_version, kind }, name) = (object.kind, object.name);
        let namespace = object.namespace.unwrap_or_default();
        let answer = self.scenario.object(api_version, kind, namespace, name);
        let answer = answer.unwrap_or_else(|question| Err(self.cluster_error(question)));
        ready(answer.map(text)).boxed()
    }

    fn list<'a>(
        &'a self,
        query: ListQuery<'a>,
        _: Reading,
    ) -> BoxFuture<'a, Result<Vec<Arc<str>>, ClusterError>> {
        let (KindRef { api_version, kind }, selector) = (query.kind, query.label_selector);
        let namespace = query.scope.namespace().unwrap_or_default();
        let answer = self.scenario.list(api_version, kind, namespace, selector);
        let answer = answer.unwrap_or_else(|question| Err(self.cluster_error(question)));
        ready(answer.map(|objects| objects.into_iter().map(text).collect())).boxed()
    }
}

impl History for ScenarioSources {
    fn revisions<'a>(&'a self, _: &'a RevisionQuery, _: Reading) -> BoxFuture<'a, Revisions> {
        ready(self.scenario.revisions()).boxed()
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

#[cfg(test)]
mod tests;
