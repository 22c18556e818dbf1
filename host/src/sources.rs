//! Everything that a review reads: the clock, metrics and the cluster, live or from a scenario. A
//! policy cannot tell `check` from `serve` otherwise.

mod disconnected;
mod metric_source;
mod named;
pub mod prometheus;
pub(crate) mod promql;
mod record;
mod scenario;
pub(crate) mod single_flight;
mod tenants;
mod weigh;

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use jiff::Timestamp;
use rollgate_model::{
    ClusterError, ClusterErrorCode, MetricsError, RevisionQuery, Revisions, Sample, Series,
};
use serde::Deserialize;

pub use disconnected::Disconnected;
pub use metric_source::{ApiVersion, Kind, Metadata, MetricSource, MetricSourceSpec, SourceError};
pub use named::{NamedMetrics, NamedSource};
pub use record::Recorder;
pub use scenario::FirstUnanswered;
pub(crate) use weigh::Weigh;

/// A clock.
pub trait Clock: Send + Sync {
    /// Returns the present time. Each review calls it once.
    fn now(&self) -> Timestamp;

    /// Called when a policy reads the clock. A scenario without `now` then reports a missing fact.
    fn on_read(&self) {}
}

/// The clock of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A clock with a fixed time: `--now`, or the `now` of a scenario.
#[derive(Clone, Copy, Debug)]
pub struct FixedClock(pub Timestamp);

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        self.0
    }
}

/// On whose behalf a metric source is queried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requester<'a> {
    /// The operator: a policy without a namespace, which may query everything.
    Operator,
    /// The policies of a namespace, which may query what the source offers them.
    Namespace(&'a str),
}

/// Metrics of named sources. Implementations limit size, number and time; whether a policy is granted a
/// source was checked before.
pub trait Metrics: Send + Sync {
    /// Evaluates a query at an instant.
    fn query<'a>(
        &'a self,
        requester: Requester<'a>,
        source: &'a str,
        query: &'a str,
        at: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<Sample>, MetricsError>>;

    /// Evaluates a query over a range, both ends included.
    fn query_range<'a>(
        &'a self,
        requester: Requester<'a>,
        source: &'a str,
        query: &'a str,
        range: Range,
    ) -> BoxFuture<'a, Result<Vec<Series>, MetricsError>>;
}

/// The ends and the step of a range query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Range {
    /// The first instant.
    pub start: Timestamp,
    /// The last instant.
    pub end: Timestamp,
    /// The distance between two points.
    pub step: std::time::Duration,
}

/// Objects of the cluster, as JSON text.
pub trait Cluster: Send + Sync {
    /// Whether there is a cluster to read from.
    fn is_connected(&self) -> bool {
        true
    }

    /// Reads one object.
    fn get<'a>(
        &'a self,
        object: ObjectRef<'a>,
        reading: Reading,
    ) -> BoxFuture<'a, Result<Arc<str>, ClusterError>>;

    /// Lists the objects of one kind, sorted by namespace and name.
    fn list<'a>(
        &'a self,
        query: ListQuery<'a>,
        reading: Reading,
    ) -> BoxFuture<'a, Result<Vec<Arc<str>>, ClusterError>>;

    /// Reads the labels of a namespace, for policies that select namespaces by them.
    fn namespace_labels<'a>(
        &'a self,
        namespace: &'a str,
    ) -> BoxFuture<'a, Result<Arc<Labels>, ClusterError>> {
        async move {
            let object = ObjectRef {
                kind: KindRef {
                    api_version: "v1",
                    kind: "Namespace",
                },
                namespace: None,
                name: namespace,
            };
            let text = self.get(object, Reading::Recent).await?;
            let labels = labels_of(&text).map_err(|error| ClusterError {
                code: ClusterErrorCode::Unavailable,
                message: format!("the Namespace `{namespace}` cannot be read: {error}"),
            })?;
            Ok(labels.into())
        }
        .boxed()
    }

    /// Returns whether rollgate itself may read the objects of a kind, before a policy is granted to.
    fn access<'a>(&'a self, kind: KindRef<'a>, _: Scope<'a>) -> BoxFuture<'a, Access> {
        let why = format!(
            "rollgate is not connected to a cluster that may have a {}",
            kind.kind
        );
        ready(Access::Unknown(why)).boxed()
    }
}

/// Labels with their values, sorted by key.
pub type Labels = [(String, String)];

/// Parses `metadata.labels` of an object's JSON text.
fn labels_of(text: &str) -> Result<Vec<(String, String)>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Object {
        #[serde(default)]
        metadata: Metadata,
    }
    #[derive(Default, Deserialize)]
    struct Metadata {
        labels: Option<std::collections::BTreeMap<String, String>>,
    }
    let object: Object = serde_json::from_str(text)?;
    Ok(object
        .metadata
        .labels
        .unwrap_or_default()
        .into_iter()
        .collect())
}

/// How old a response may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reading {
    /// Some seconds: a cached response.
    Recent,
    /// None: for what is counted or compared.
    Fresh,
}

/// A kind of Kubernetes objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KindRef<'a> {
    /// For example `apps/v1`.
    pub api_version: &'a str,
    /// For example `ReplicaSet`.
    pub kind: &'a str,
}

impl From<rollgate_model::Kind> for KindRef<'static> {
    fn from(kind: rollgate_model::Kind) -> Self {
        Self {
            api_version: kind.api_version(),
            kind: kind.as_str(),
        }
    }
}

/// Where objects of a kind are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope<'a> {
    /// In any namespace, or in none if the kind is cluster-scoped.
    AllNamespaces,
    /// In one namespace.
    Namespace(&'a str),
}

impl<'a> Scope<'a> {
    /// Returns the scope that an empty or a given namespace stands for in Kubernetes.
    #[must_use]
    pub fn of(namespace: &'a str) -> Self {
        match namespace {
            "" => Self::AllNamespaces,
            namespace => Self::Namespace(namespace),
        }
    }

    /// Returns the one namespace.
    #[must_use]
    pub fn namespace(self) -> Option<&'a str> {
        match self {
            Self::AllNamespaces => None,
            Self::Namespace(namespace) => Some(namespace),
        }
    }
}

impl std::fmt::Display for Scope<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AllNamespaces => f.write_str("all namespaces"),
            Self::Namespace(name) => write!(f, "namespace `{name}`"),
        }
    }
}

/// Whether rollgate may read objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// It may.
    Granted,
    /// It may not: which right is missing, and how to add it.
    Missing(String),
    /// Why it could not be checked.
    Unknown(String),
}

/// One object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ObjectRef<'a> {
    /// Its kind.
    pub kind: KindRef<'a>,
    /// Its namespace; `None` for a cluster-scoped kind.
    pub namespace: Option<&'a str>,
    /// Its name.
    pub name: &'a str,
}

/// The objects of one kind that a label selector selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ListQuery<'a> {
    /// Their kind.
    pub kind: KindRef<'a>,
    /// Where they are.
    pub scope: Scope<'a>,
    /// In kubectl's syntax; empty for all.
    pub label_selector: &'a str,
}

/// The earlier revisions of workloads.
pub trait History: Send + Sync {
    /// Reads the revisions that a change is classified by, or returns why that fails. The caller limits the
    /// time. A recent reading may lack the newest ones, and no others.
    fn revisions<'a>(
        &'a self,
        wanted: &'a RevisionQuery,
        reading: Reading,
    ) -> BoxFuture<'a, Revisions>;
}

/// Secrets of the namespace that rollgate runs in. None ever reaches a guest, a log or a message.
pub trait Secrets: Send + Sync {
    /// Reads one entry of a Secret.
    fn read<'a>(&'a self, name: &'a str, key: &'a str) -> BoxFuture<'a, Result<String, NoSecret>>;
}

/// Why a Secret was not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NoSecret(pub String);

/// Everything that is read through the connection to one cluster.
#[derive(Clone)]
pub struct ClusterSources {
    /// What policies read, as far as it is granted.
    pub cluster: Arc<dyn Cluster>,
    /// What rollbacks are recognised by.
    pub history: Arc<dyn History>,
    /// The credentials of metric sources.
    pub secrets: Arc<dyn Secrets>,
}

impl ClusterSources {
    /// Returns the sources of a rollgate without a cluster, which say so in each error.
    #[must_use]
    pub fn disconnected() -> Self {
        Self {
            cluster: Arc::new(Disconnected),
            history: Arc::new(Disconnected),
            secrets: Arc::new(Disconnected),
        }
    }
}

/// The sources of one review.
#[derive(Clone)]
pub struct Sources {
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The metrics.
    pub metrics: Arc<dyn Metrics>,
    /// The cluster.
    pub cluster: Arc<dyn Cluster>,
    /// The earlier revisions.
    pub history: Arc<dyn History>,
}
