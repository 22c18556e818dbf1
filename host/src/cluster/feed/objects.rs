//! All followed objects, as watches bring them.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use kube::Client;
use kube::api::{Api, DynamicObject};
use kube::runtime::reflector::store::{Store, Writer};
use kube::runtime::utils::Backoff;
use kube::runtime::watcher::{self, DefaultBackoff, Event};
use kube::runtime::{WatchStreamExt as _, watcher as watch};
use tokio::sync::Notify;

use super::object::{Followed, Object};
use crate::server::Readiness;
use crate::telemetry::Telemetry;

/// After how many seconds a watch begins anew: the longest time that a connection which silently
/// leads nowhere is believed.
const WATCH: u32 = 60;

/// All followed objects. Clones see the same.
#[derive(Clone)]
pub struct Objects {
    stores: [(Followed, Store<DynamicObject>); 3],
    noticed: Arc<Notify>,
}

impl Objects {
    /// Follows them from now on.
    pub(super) fn follow(client: &Client, readiness: &Readiness, telemetry: &Telemetry) -> Self {
        let noticed = Arc::new(Notify::new());
        let stores = Followed::ALL.map(|kind| {
            let follower = Follower {
                kind,
                readiness: readiness.clone(),
                telemetry: telemetry.clone(),
                noticed: Arc::clone(&noticed),
                listed: false,
            };
            (kind, follower.begin(client))
        });
        Self { stores, noticed }
    }

    /// Waits until each kind was listed once.
    pub(super) async fn listed(&self) {
        for (_, store) in &self.stores {
            if store.wait_until_ready().await.is_err() {
                // The watch is gone, and with it the process.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Waits until some object may have changed since the last call.
    pub(super) async fn changed(&self) {
        self.noticed.notified().await;
    }

    /// All of them, sorted by kind, namespace and name.
    #[must_use]
    pub fn all(&self) -> Vec<Object> {
        let of_kind = |(kind, store): &(Followed, Store<DynamicObject>)| {
            let kind = *kind;
            let objects = store.state().into_iter();
            objects.map(move |object| Object::new(kind, object))
        };
        let mut objects: Vec<_> = self.stores.iter().flat_map(of_kind).collect();
        objects.sort_by_cached_key(Object::key);
        objects
    }
}

/// Follows the objects of one kind.
struct Follower {
    kind: Followed,
    readiness: Readiness,
    telemetry: Telemetry,
    noticed: Arc<Notify>,
    listed: bool,
}

impl Follower {
    fn begin(self, client: &Client) -> Store<DynamicObject> {
        let resource = self.kind.resource();
        let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
        let writer = Writer::new(resource);
        let store = writer.as_reader();
        let events = watch(api, watcher::Config::default().timeout(WATCH))
            .modify(|object| object.metadata.managed_fields = None)
            .backoff(Soon::default())
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
                    self.noticed.notify_one();
                }
                Ok(Event::Apply(_) | Event::Delete(_)) => self.noticed.notify_one(),
                Err(error) => self.tell(&error),
            }
        }
    }

    fn tell(&self, error: &watcher::Error) {
        let kind = self.kind.as_str();
        let why = Away(error);
        self.telemetry.watch_error(kind);
        tracing::warn!(kind, %why, "a watch has ended and begins again; what was read last stays in force");
        if !self.listed {
            let missing = format!("the objects of kind {kind} cannot be listed: {why}");
            self.readiness.missing(vec![missing]);
        }
    }
}

/// Policies should follow soon after an outage of any length, and there are only three watches.
#[derive(Default)]
struct Soon(DefaultBackoff);

/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

impl Iterator for Soon {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        self.0.next().map(|pause| pause.min(LONGEST_PAUSE))
    }
}

impl Backoff for Soon {
    fn reset(&mut self) {
        self.0.reset();
    }
}

/// Why objects cannot be followed, in words for whoever has to mend it.
struct Away<'a>(&'a watcher::Error);

impl fmt::Display for Away<'_> {
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
            _ => write!(f, "{}", Chain(self.0)),
        }
    }
}

/// An error with all that led to it: kube's own words often leave out why.
struct Chain<'a>(&'a dyn std::error::Error);

impl fmt::Display for Chain<'_> {
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
