//! Records what a review reads, as a scenario that replays it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use rollgate_model::scenario::{
    MetricAnswer, MetricEntry, ObjectError, Redactor, RevisionEntry, Scenario,
};
use rollgate_model::{
    ClusterError, ClusterErrorCode, MetricsError, RevisionQuery, Revisions, Sample, Series,
};
use serde_json::Value;

use super::{
    Clock, Cluster, History, KindRef, Labels, ListQuery, Metrics, ObjectRef, Range, Reading,
    Requester, Sources,
};

/// Records what one review reads, without Secrets and values of environment variables.
#[derive(Clone, Debug, Default)]
pub struct Recorder(Arc<Mutex<Recording>>);

#[derive(Debug, Default)]
struct Recording {
    now: Option<Timestamp>,
    revisions: Option<Vec<RevisionEntry>>,
    metrics: Vec<MetricEntry>,
    /// `None` until the cluster has answered: an empty list would mean an empty cluster.
    objects: Option<BTreeMap<ObjectKey, Value>>,
    refusals: Vec<ObjectError>,
}

/// Kind, apiVersion, namespace and name.
type ObjectKey = [String; 4];

impl Recorder {
    /// Returns sources that answer as the given ones, and records the answers.
    #[must_use]
    pub fn wrap(&self, sources: Sources) -> Sources {
        let recorded = Arc::new(Recorded {
            sources,
            recorder: self.clone(),
        });
        Sources {
            clock: Arc::clone(&recorded) as Arc<dyn Clock>,
            metrics: Arc::clone(&recorded) as Arc<dyn Metrics>,
            cluster: Arc::clone(&recorded) as Arc<dyn Cluster>,
            history: recorded,
        }
    }

    /// Adds the recorded answers to a scenario with the rollout, and redacts secrets in all of it.
    #[must_use]
    pub fn complete(&self, mut scenario: Scenario) -> Scenario {
        let recording = self.recording();
        scenario.now = recording.now.or(scenario.now);
        scenario.revisions = recording.revisions.clone().or(scenario.revisions);
        scenario.metrics.clone_from(&recording.metrics);
        scenario
            .metrics
            .sort_by(|a, b| (&a.source, &a.query).cmp(&(&b.source, &b.query)));
        scenario.objects = recording
            .objects
            .as_ref()
            .map(|objects| objects.values().cloned().collect());
        scenario.object_errors.clone_from(&recording.refusals);
        redact(&mut scenario);
        scenario
    }

    fn recording(&self) -> MutexGuard<'_, Recording> {
        // Each change is a single push or insert: a panic elsewhere leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn redact(scenario: &mut Scenario) {
    let mut redactor = Redactor::default();
    let sides = [&mut scenario.old, &mut scenario.new, &mut scenario.baseline];
    let sides = sides.into_iter().flatten();
    let revisions = scenario
        .revisions
        .iter_mut()
        .flatten()
        .map(|entry| &mut entry.template);
    let objects = scenario.objects.iter_mut().flatten();
    sides
        .chain(revisions)
        .chain(objects)
        .for_each(|value| redactor.redact(value));
}

struct Recorded {
    sources: Sources,
    recorder: Recorder,
}

impl Clock for Recorded {
    fn now(&self) -> Timestamp {
        let now = self.sources.clock.now();
        self.recorder.recording().now.get_or_insert(now);
        now
    }

    fn on_read(&self) {
        self.sources.clock.on_read();
    }
}

impl Metrics for Recorded {
    fn query<'a>(
        &'a self,
        requester: Requester<'a>,
        source: &'a str,
        query: &'a str,
        at: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<Sample>, MetricsError>> {
        async move {
            let answer = self
                .sources
                .metrics
                .query(requester, source, query, at)
                .await;
            let entry = MetricEntry::instant(source, query, at, answer.clone());
            self.recorder.recording().add_metric(entry);
            answer
        }
        .boxed()
    }

    fn query_range<'a>(
        &'a self,
        requester: Requester<'a>,
        source: &'a str,
        query: &'a str,
        range: Range,
    ) -> BoxFuture<'a, Result<Vec<Series>, MetricsError>> {
        async move {
            let metrics = &self.sources.metrics;
            let answer = metrics.query_range(requester, source, query, range).await;
            let entry = MetricEntry::range(source, query, range.into(), answer.clone());
            self.recorder.recording().add_metric(entry);
            answer
        }
        .boxed()
    }
}

impl Cluster for Recorded {
    fn get<'a>(
        &'a self,
        object: ObjectRef<'a>,
        reading: Reading,
    ) -> BoxFuture<'a, Result<Arc<str>, ClusterError>> {
        async move {
            let answer = self.sources.cluster.get(object, reading).await;
            let query = Query {
                kind: object.kind,
                namespace: object.namespace,
                name: Some(object.name),
            };
            let found = answer.as_ref().map(std::slice::from_ref);
            self.recorder.recording().add_objects(query, found);
            answer
        }
        .boxed()
    }

    fn list<'a>(
        &'a self,
        query: ListQuery<'a>,
        reading: Reading,
    ) -> BoxFuture<'a, Result<Vec<Arc<str>>, ClusterError>> {
        async move {
            let answer = self.sources.cluster.list(query, reading).await;
            let query = Query {
                kind: query.kind,
                namespace: query.scope.namespace(),
                name: None,
            };
            self.recorder
                .recording()
                .add_objects(query, answer.as_deref());
            answer
        }
        .boxed()
    }

    /// Not recorded: rollgate reads these labels to match policies, and a scenario runs one policy.
    fn namespace_labels<'a>(
        &'a self,
        namespace: &'a str,
    ) -> BoxFuture<'a, Result<Arc<Labels>, ClusterError>> {
        self.sources.cluster.namespace_labels(namespace)
    }
}

impl History for Recorded {
    fn revisions<'a>(
        &'a self,
        wanted: &'a RevisionQuery,
        reading: Reading,
    ) -> BoxFuture<'a, Revisions> {
        async move {
            let revisions = self.sources.history.revisions(wanted, reading).await;
            if let Revisions::Known(known) = &revisions {
                let counted = known.iter().filter(|revision| revision.flaw.is_none());
                self.recorder.recording().revisions = Some(counted.map(Into::into).collect());
            }
            revisions
        }
        .boxed()
    }
}

/// A query for one object or for several.
#[derive(Clone, Copy)]
struct Query<'a> {
    kind: KindRef<'a>,
    namespace: Option<&'a str>,
    name: Option<&'a str>,
}

impl Recording {
    /// Keeps the first answer, because a scenario gives one answer to equal queries.
    fn add_metric(&mut self, new: MetricEntry) {
        if !self.metrics.iter().any(|entry| is_same_query(entry, &new)) {
            self.metrics.push(new);
        }
    }

    fn add_objects(&mut self, query: Query<'_>, answer: Result<&[Arc<str>], &ClusterError>) {
        match answer {
            Ok(found) => {
                let objects = self.objects.get_or_insert_default();
                objects.extend(found.iter().filter_map(|text| query.object(text)));
            }
            Err(error) if error.code == ClusterErrorCode::NotFound => {
                self.objects.get_or_insert_default();
            }
            Err(error) => {
                let refusal = query.refusal(error);
                if !self.refusals.contains(&refusal) {
                    self.refusals.push(refusal);
                }
            }
        }
    }
}

impl Query<'_> {
    /// Parses an object. The items of a list have no kind in Kubernetes' own API.
    fn object(&self, text: &str) -> Option<(ObjectKey, Value)> {
        let mut object: Value = serde_json::from_str(text).ok()?;
        let fields = object.as_object_mut()?;
        fields
            .entry("apiVersion")
            .or_insert_with(|| self.kind.api_version.into());
        fields
            .entry("kind")
            .or_insert_with(|| self.kind.kind.into());
        let named = |field| {
            object["metadata"][field]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        let key = [
            self.kind.kind.to_owned(),
            self.kind.api_version.to_owned(),
            named("namespace"),
            named("name"),
        ];
        Some((key, object))
    }

    fn refusal(&self, error: &ClusterError) -> ObjectError {
        ObjectError {
            api_version: self.kind.api_version.to_owned(),
            kind: self.kind.kind.to_owned(),
            namespace: self.namespace.map(str::to_owned),
            name: self.name.map(str::to_owned),
            code: error.code,
            message: error.message.clone(),
        }
    }
}

fn is_same_query(a: &MetricEntry, b: &MetricEntry) -> bool {
    let same_time = match (&a.answer, &b.answer) {
        (MetricAnswer::Instant { at: a, .. }, MetricAnswer::Instant { at: b, .. }) => a == b,
        (MetricAnswer::Range { range: a, .. }, MetricAnswer::Range { range: b, .. }) => a == b,
        _ => false,
    };
    same_time && a.source == b.source && a.query == b.query
}

#[cfg(test)]
mod tests;
