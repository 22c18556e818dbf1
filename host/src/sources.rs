//! Where facts come from: the clock, metrics and the cluster; live, or out of a scenario.
//!
//! `check` differs from `serve` in these only.

mod clock;
mod disconnected;
mod kube;
mod labels;
mod metric_source;
mod named;
pub mod prometheus;
mod record;
mod scenario;

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use jiff::Timestamp;
use rollgate_model::{
    ClusterError, ClusterErrorCode, MetricsError, RevisionQuery, Revisions, Sample, Series,
};

pub use self::clock::{FixedClock, SystemClock};
pub use self::disconnected::Disconnected;
pub use self::kube::{KubeCluster, KubeSecrets};
pub use self::labels::Labels;
pub use self::metric_source::{
    ApiVersion, Kind, Metadata, MetricSource, MetricSourceSpec, SourceError,
};
pub use self::named::NamedMetrics;
pub use self::record::Recorder;
pub use self::scenario::FirstUnanswered;

/// What tells the time.
pub trait Clock: Send + Sync {
    /// The instant at which a review begins; each review asks once.
    fn now(&self) -> Timestamp;

    /// Is called when a policy is told the instant. A scenario that does not say the time notes it.
    fn told(&self) {}
}

/// Metrics by named source. Limits of size, number and time are the implementation's to keep;
/// whether a policy may ask at all was decided before.
pub trait Metrics: Send + Sync {
    /// Evaluates a query at an instant.
    fn query<'a>(
        &'a self,
        source: &'a str,
        query: &'a str,
        at: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<Sample>, MetricsError>>;

    /// Evaluates a query over a range, both ends included.
    fn query_range<'a>(
        &'a self,
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
                api_version: "v1",
                kind: "Namespace",
                namespace: "",
                name: namespace,
            };
            let text = self.get(object, Reading::Recent).await?;
            let labels = labels::of_object(&text).map_err(|error| ClusterError {
                code: ClusterErrorCode::Unavailable,
                message: format!("the Namespace `{namespace}` cannot be read: {error}"),
            })?;
            Ok(labels.into())
        }
        .boxed()
    }

    /// Whether rollgate itself may read the objects of a kind, for a grant that is about to be
    /// given.
    fn access<'a>(&'a self, kind: KindRef<'a>) -> BoxFuture<'a, Access> {
        let why = format!(
            "there is no cluster that could be asked for a {}",
            kind.kind
        );
        ready(Access::Unknown(why)).boxed()
    }
}

/// How old an answer may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reading {
    /// A few seconds: what another asked serves again.
    Recent,
    /// As it is now, for what is counted or compared.
    Fresh,
}

/// Names a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KindRef<'a> {
    /// For example `apps/v1`.
    pub api_version: &'a str,
    /// For example `ReplicaSet`.
    pub kind: &'a str,
    /// The namespace; `None` means all of them.
    pub namespace: Option<&'a str>,
}

/// Whether objects may be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// They may.
    Granted,
    /// They may not; in words, what is missing and who gives it.
    Missing(String),
    /// It could not be found out, for this reason.
    Unknown(String),
}

/// Names one object; `namespace` is empty for a cluster-scoped kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ObjectRef<'a> {
    /// For example `apps/v1`.
    pub api_version: &'a str,
    /// For example `Deployment`.
    pub kind: &'a str,
    /// The namespace.
    pub namespace: &'a str,
    /// The name.
    pub name: &'a str,
}

/// Names the objects of one kind; an empty `namespace` means all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ListQuery<'a> {
    /// For example `v1`.
    pub api_version: &'a str,
    /// For example `Pod`.
    pub kind: &'a str,
    /// The namespace.
    pub namespace: &'a str,
    /// In kubectl's syntax; empty for all.
    pub label_selector: &'a str,
}

/// The earlier revisions of what is rolled out.
pub trait History: Send + Sync {
    /// Reads the revisions that tell a change apart; where that fails, the answer says why. How long
    /// it may take is the caller's to bound. A recent reading may lack the newest ones, and no
    /// others.
    fn revisions<'a>(
        &'a self,
        wanted: &'a RevisionQuery,
        reading: Reading,
    ) -> BoxFuture<'a, Revisions>;
}

/// Secrets of the namespace that rollgate runs in, for the host alone: none ever reaches a guest, a
/// log or a message.
pub trait Secrets: Send + Sync {
    /// Reads one entry of a Secret.
    fn read<'a>(&'a self, name: &'a str, key: &'a str) -> BoxFuture<'a, Result<String, NoSecret>>;
}

/// Why a Secret was not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NoSecret(pub String);

/// What a cluster tells: one connection, by what is asked of it.
#[derive(Clone)]
pub struct Facts {
    /// What policies may read, as far as they are granted it.
    pub cluster: Arc<dyn Cluster>,
    /// What tells a rollback apart.
    pub history: Arc<dyn History>,
    /// The credentials of metric sources.
    pub secrets: Arc<dyn Secrets>,
}

impl Facts {
    /// Of no cluster: each question is answered with that.
    #[must_use]
    pub fn disconnected() -> Self {
        Self {
            cluster: Arc::new(Disconnected),
            history: Arc::new(Disconnected),
            secrets: Arc::new(Disconnected),
        }
    }

    /// Of the cluster that a client leads to; `watching` is one whose requests may last. Secrets are
    /// those of `namespace`.
    #[must_use]
    pub fn of(client: ::kube::Client, watching: ::kube::Client, namespace: &str) -> Self {
        let cluster = Arc::new(KubeCluster::new(client.clone(), watching));
        Self {
            cluster: Arc::clone(&cluster) as Arc<dyn Cluster>,
            history: cluster,
            secrets: Arc::new(KubeSecrets::new(client, namespace)),
        }
    }
}

/// The world one review is judged in.
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
