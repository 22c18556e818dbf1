//! The policies and metric sources of the cluster, as watches report them.
//!
//! They are watched untyped: an object of a later version of rollgate must not end the watch of the
//! others.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use kube::api::{Api, ApiResource, DynamicObject, ObjectMeta};
use kube::runtime::reflector::store::{Store, Writer};
use kube::runtime::utils::Backoff;
use kube::runtime::watcher::{self, DefaultBackoff, Event};
use kube::runtime::{WatchStreamExt as _, watcher as watch};
use kube::{Client, ResourceExt as _};
use tokio::sync::Notify;

use crate::cluster::crd::{ClusterRolloutPolicy, MetricSource, RolloutPolicy};
use crate::config::ObjectHead;
use crate::server::Readiness;
use crate::telemetry::Telemetry;

/// A kind that is watched, in the order in which policies are evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::cluster) enum WatchedKind {
    ClusterRolloutPolicy,
    RolloutPolicy,
    MetricSource,
}

impl WatchedKind {
    const ALL: [Self; 3] = [
        Self::ClusterRolloutPolicy,
        Self::RolloutPolicy,
        Self::MetricSource,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::ClusterRolloutPolicy => "ClusterRolloutPolicy",
            Self::RolloutPolicy => "RolloutPolicy",
            Self::MetricSource => "MetricSource",
        }
    }

    pub(in crate::cluster) fn resource(self) -> ApiResource {
        match self {
            Self::ClusterRolloutPolicy => ApiResource::erase::<ClusterRolloutPolicy>(&()),
            Self::RolloutPolicy => ApiResource::erase::<RolloutPolicy>(&()),
            Self::MetricSource => ApiResource::erase::<MetricSource>(&()),
        }
    }
}

/// Identifies an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::cluster) struct ObjectKey {
    pub(in crate::cluster) kind: WatchedKind,
    /// `None` for a cluster-scoped kind.
    pub(in crate::cluster) namespace: Option<String>,
    pub(in crate::cluster) name: String,
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.kind.as_str())?;
        if let Some(namespace) = &self.namespace {
            write!(f, "{namespace}/")?;
        }
        f.write_str(&self.name)
    }
}

/// An object as the API server has it.
#[derive(Clone, Debug)]
pub(in crate::cluster) struct WatchedObject {
    kind: WatchedKind,
    object: Arc<DynamicObject>,
}

impl WatchedObject {
    pub(in crate::cluster) fn new(kind: WatchedKind, object: Arc<DynamicObject>) -> Self {
        Self { kind, object }
    }

    pub(in crate::cluster) fn key(&self) -> ObjectKey {
        ObjectKey {
            kind: self.kind,
            namespace: self.object.namespace(),
            name: self.object.name_any(),
        }
    }

    /// Returns what parsing its spec needs of its metadata.
    pub(in crate::cluster) fn head(&self) -> ObjectHead {
        ObjectHead {
            namespace: self.object.namespace(),
            name: self.object.name_any(),
            generation: self.generation(),
        }
    }

    pub(in crate::cluster) fn metadata(&self) -> &ObjectMeta {
        &self.object.metadata
    }

    pub(in crate::cluster) fn uid(&self) -> &str {
        self.object.metadata.uid.as_deref().unwrap_or_default()
    }

    pub(in crate::cluster) fn generation(&self) -> Option<i64> {
        self.object.metadata.generation
    }

    /// Returns all of it but the metadata.
    pub(in crate::cluster) fn data(&self) -> &serde_json::Value {
        &self.object.data
    }
}

/// After so many seconds a watch starts again, so that a connection that is silently dead is noticed.
const WATCH_SECONDS: u32 = 60;

/// All watched objects. Clones share them.
#[derive(Clone)]
pub(in crate::cluster) struct WatchedObjects {
    stores: [(WatchedKind, Store<DynamicObject>); 3],
    notify: Arc<Notify>,
}

impl WatchedObjects {
    pub(super) fn watch(client: &Client, readiness: &Readiness, telemetry: &Telemetry) -> Self {
        let notify = Arc::new(Notify::new());
        let stores = WatchedKind::ALL.map(|kind| {
            let watch = KindWatch {
                kind,
                readiness: readiness.clone(),
                telemetry: telemetry.clone(),
                notify: Arc::clone(&notify),
                listed: false,
            };
            (kind, watch.start(client))
        });
        Self { stores, notify }
    }

    /// Waits until every kind has been listed.
    pub(super) async fn listed(&self) {
        for (_, store) in &self.stores {
            if store.wait_until_ready().await.is_err() {
                // The watch has ended, because the process ends.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Waits until some object may have changed since the last call.
    pub(super) async fn changed(&self) {
        self.notify.notified().await;
    }

    /// Returns all objects, sorted by kind, namespace and name.
    pub(in crate::cluster) fn all(&self) -> Vec<WatchedObject> {
        let of_kind = |(kind, store): &(WatchedKind, Store<DynamicObject>)| {
            let kind = *kind;
            let objects = store.state().into_iter();
            objects.map(move |object| WatchedObject::new(kind, object))
        };
        let mut objects: Vec<_> = self.stores.iter().flat_map(of_kind).collect();
        objects.sort_by_cached_key(WatchedObject::key);
        objects
    }
}

/// The watch of one kind.
struct KindWatch {
    kind: WatchedKind,
    readiness: Readiness,
    telemetry: Telemetry,
    notify: Arc<Notify>,
    listed: bool,
}

impl KindWatch {
    fn start(self, client: &Client) -> Store<DynamicObject> {
        let resource = self.kind.resource();
        let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
        let writer = Writer::new(resource);
        let store = writer.as_reader();
        let events = watch(api, watcher::Config::default().timeout(WATCH_SECONDS))
            .modify(|object| object.metadata.managed_fields = None)
            .backoff(ShortBackoff::default())
            .reflect(writer);
        tokio::spawn(self.run(events));
        store
    }

    async fn run(
        mut self,
        events: impl futures_util::Stream<Item = watcher::Result<Event<DynamicObject>>>,
    ) {
        let mut events = pin!(events);
        while let Some(event) = events.next().await {
            match event {
                Ok(Event::Init | Event::InitApply(_)) => {}
                Ok(Event::InitDone) => {
                    self.listed = true;
                    self.notify.notify_one();
                }
                Ok(Event::Apply(_) | Event::Delete(_)) => self.notify.notify_one(),
                Err(error) => self.report(&error),
            }
        }
    }

    fn report(&self, error: &watcher::Error) {
        let kind = self.kind.as_str();
        let why = WatchFailure(error);
        self.telemetry.watch_error(kind);
        tracing::warn!(kind, %why, "a watch has failed and starts again; what was read last stays active");
        if !self.listed {
            let missing = format!("the objects of kind {kind} cannot be listed: {why}");
            self.readiness.missing(vec![missing]);
        }
    }
}

/// kube's default backoff with short pauses: policies should be read soon after an outage of any length,
/// and there are only three watches.
#[derive(Default)]
struct ShortBackoff(DefaultBackoff);

const MAX_PAUSE: Duration = Duration::from_secs(5);

impl Iterator for ShortBackoff {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        self.0.next().map(|pause| pause.min(MAX_PAUSE))
    }
}

impl Backoff for ShortBackoff {
    fn reset(&mut self) {
        self.0.reset();
    }
}

/// Displays why a watch failed, and what to do.
struct WatchFailure<'a>(&'a watcher::Error);

impl fmt::Display for WatchFailure<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = match self.0 {
            watcher::Error::InitialListFailed(kube::Error::Api(status))
            | watcher::Error::WatchStartFailed(kube::Error::Api(status))
            | watcher::Error::WatchFailed(kube::Error::Api(status))
            | watcher::Error::WatchError(status) => Some(status),
            _ => None,
        };
        match status.map(|status| status.code) {
            Some(404) => f.write_str(
                "the API server does not know this kind; apply what `rollgate crds` prints",
            ),
            _ => write!(f, "{}", ErrorChain(self.0)),
        }
    }
}

/// Displays an error with its sources: kube's messages often leave out the cause.
struct ErrorChain<'a>(&'a dyn std::error::Error);

impl fmt::Display for ErrorChain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}
