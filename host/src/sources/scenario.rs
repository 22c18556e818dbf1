//! The world of a scenario file: what it answers, and for what it does not, the lines to add.

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
    Clock, Cluster, FixedClock, History, ListQuery, Metrics, ObjectRef, Range, Reading, Sources,
};

impl Sources {
    /// The world of a scenario. `otherwise` tells the time where the scenario does not.
    #[must_use]
    pub fn of_scenario(scenario: Arc<Scenario>, otherwise: Arc<dyn Clock>) -> Self {
        let clock = match scenario.now {
            Some(now) => Arc::new(FixedClock(now)),
            None => otherwise,
        };
        Self::of_world(scenario, clock, Arc::default())
    }

    /// The world of a scenario and no other. Notes the first question that the scenario does not
    /// answer, the time included.
    #[must_use]
    pub fn of_scenario_alone(scenario: Arc<Scenario>, unanswered: Arc<FirstUnanswered>) -> Self {
        let clock: Arc<dyn Clock> = match scenario.now {
            Some(now) => Arc::new(FixedClock(now)),
            None => Arc::new(Timeless(Arc::clone(&unanswered))),
        };
        Self::of_world(scenario, clock, unanswered)
    }

    fn of_world(
        scenario: Arc<Scenario>,
        clock: Arc<dyn Clock>,
        unanswered: Arc<FirstUnanswered>,
    ) -> Self {
        let world = Arc::new(World {
            scenario,
            unanswered,
        });
        Self {
            clock,
            metrics: Arc::clone(&world) as Arc<dyn Metrics>,
            cluster: Arc::clone(&world) as Arc<dyn Cluster>,
            history: world,
        }
    }
}

/// The first question that a scenario did not answer. A policy may make light of a fact it could
/// not have; a test must not.
#[derive(Debug, Default)]
pub struct FirstUnanswered(OnceLock<MissingFact>);

impl FirstUnanswered {
    /// The question, if there was one.
    #[must_use]
    pub fn question(&self) -> Option<&MissingFact> {
        self.0.get()
    }

    fn note(&self, question: MissingFact) {
        // Only the first is kept: it is the one to answer next.
        let _ = self.0.set(question);
    }
}

/// The clock of a scenario that does not say the time.
struct Timeless(Arc<FirstUnanswered>);

impl Clock for Timeless {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn told(&self) {
        self.0.note(MissingFact::Now);
    }
}

struct World {
    scenario: Arc<Scenario>,
    unanswered: Arc<FirstUnanswered>,
}

impl World {
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

impl Metrics for World {
    fn query<'a>(
        &'a self,
        source: &'a str,
        query: &'a str,
        at: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<Sample>, MetricsError>> {
        let answer = self.scenario.metrics_at(source, query, at);
        ready(answer.unwrap_or_else(|question| Err(self.metrics_error(question)))).boxed()
    }

    fn query_range<'a>(
        &'a self,
        source: &'a str,
        query: &'a str,
        range: Range,
    ) -> BoxFuture<'a, Result<Vec<Series>, MetricsError>> {
        let answer = self.scenario.metrics_range(source, query, range.into());
        ready(answer.unwrap_or_else(|question| Err(self.metrics_error(question)))).boxed()
    }
}

impl Cluster for World {
    fn get<'a>(
        &'a self,
        object: ObjectRef<'a>,
        _: Reading,
    ) -> BoxFuture<'a, Result<Arc<str>, ClusterError>> {
        let ObjectRef {
            api_version,
            kind,
            namespace,
            name,
        } = object;
        let answer = self.scenario.object(api_version, kind, namespace, name);
        let answer = answer.unwrap_or_else(|question| Err(self.cluster_error(question)));
        ready(answer.map(text)).boxed()
    }

    fn list<'a>(
        &'a self,
        query: ListQuery<'a>,
        _: Reading,
    ) -> BoxFuture<'a, Result<Vec<Arc<str>>, ClusterError>> {
        let ListQuery {
            api_version,
            kind,
            namespace,
            label_selector,
        } = query;
        let answer = self
            .scenario
            .list(api_version, kind, namespace, label_selector);
        let answer = answer.unwrap_or_else(|question| Err(self.cluster_error(question)));
        ready(answer.map(|objects| objects.into_iter().map(text).collect())).boxed()
    }
}

impl History for World {
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
