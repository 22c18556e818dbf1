//! Policies and metric sources that are objects of the cluster, as a [`PolicySource`].
//!
//! They are watched. While the API server is down, what was read last stays active, and the watches
//! start again by themselves.

mod excess;
mod objects;
mod parse;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use kube::Client;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::config::{Ceilings, Configuration, ModuleFolder};
use crate::reload::PolicySource;
use crate::server::Readiness;
use crate::telemetry::Telemetry;
use crate::watch::{FileWatch, POLL_INTERVAL};
use parse::ObjectParser;

pub(super) use objects::{ObjectKey, WatchedKind, WatchedObject, WatchedObjects};
pub(super) use parse::{Fallback, InvalidObject};

/// `kubectl apply` of a folder changes many objects: changes count when no other follows within this
/// time. It is short, since a change should be active soon, and what is loaded already is not loaded again.
const DEBOUNCE: Duration = Duration::from_millis(10);
/// After so many changes in a row, they count although others follow.
const MAX_DEBOUNCES: usize = 10;

/// Policies and metric sources of the cluster.
pub(crate) struct ClusterPolicies {
    objects: WatchedObjects,
    parser: ObjectParser,
    /// Counts changes of the module files.
    file_changes: watch::Receiver<u64>,
    last_read: Versions,
    invalid: watch::Sender<Arc<Vec<InvalidObject>>>,
}

/// Policies are read again when this differs: the specs of all objects, and the module files.
#[derive(Default, PartialEq)]
struct Versions {
    objects: BTreeMap<ObjectKey, Version>,
    file_changes: u64,
}

/// The UID is part of it, because a recreated object starts with the same generation.
#[derive(PartialEq)]
struct Version {
    uid: String,
    generation: Option<i64>,
}

impl ClusterPolicies {
    /// Watches the objects from now on. `modules` is the folder of the module files that they name.
    /// Until all objects are listed, `readiness` says why not.
    pub(super) fn watch(
        client: &Client,
        modules: Option<PathBuf>,
        ceilings: Ceilings,
        readiness: &Readiness,
        telemetry: &Telemetry,
    ) -> Self {
        Self {
            objects: WatchedObjects::watch(client, readiness, telemetry),
            file_changes: count_changes(modules.clone()),
            parser: ObjectParser::new(ModuleFolder(modules), ceilings),
            last_read: Versions::default(),
            invalid: watch::Sender::default(),
        }
    }

    pub(super) fn objects(&self) -> WatchedObjects {
        self.objects.clone()
    }

    /// Returns a receiver of the objects that could not be parsed, sent each time they are read.
    pub(super) fn invalid(&self) -> watch::Receiver<Arc<Vec<InvalidObject>>> {
        self.invalid.subscribe()
    }

    async fn read_objects(&mut self) -> Configuration {
        self.objects.listed().await;
        let file_changes = *self.file_changes.borrow_and_update();
        let objects = self.objects.all();
        self.last_read = Versions::of(&objects, file_changes);
        let (configuration, invalid) = self.parser.parse(&objects);
        self.invalid.send_replace(Arc::new(invalid));
        configuration
    }

    async fn wait_for_change(&mut self) {
        loop {
            self.notified().await;
            for _ in 0..MAX_DEBOUNCES {
                if timeout(DEBOUNCE, self.notified()).await.is_err() {
                    break;
                }
            }
            // Most notifications are about a status, often one that rollgate wrote.
            let now = Versions::of(&self.objects.all(), *self.file_changes.borrow());
            if now != self.last_read {
                return;
            }
        }
    }

    async fn notified(&mut self) {
        tokio::select! {
            () = self.objects.changed() => {}
            Ok(()) = self.file_changes.changed() => {}
        }
    }
}

impl PolicySource for ClusterPolicies {
    fn read(&mut self) -> BoxFuture<'_, Configuration> {
        self.read_objects().boxed()
    }

    fn changed(&mut self) -> BoxFuture<'_, ()> {
        self.wait_for_change().boxed()
    }
}

impl Versions {
    fn of(objects: &[WatchedObject], file_changes: u64) -> Self {
        let version = |object: &WatchedObject| Version {
            uid: object.uid().to_owned(),
            generation: object.generation(),
        };
        let objects = objects.iter().map(|object| (object.key(), version(object)));
        Self {
            objects: objects.collect(),
            file_changes,
        }
    }
}

/// Counts the changes of a folder in a task of its own.
fn count_changes(folder: Option<PathBuf>) -> watch::Receiver<u64> {
    let (count, counted) = watch::channel(0);
    if let Some(folder) = folder {
        let mut watch = FileWatch::new(vec![folder], POLL_INTERVAL);
        tokio::spawn(async move {
            while !count.is_closed() {
                watch.changed().await;
                count.send_modify(|count| *count += 1);
            }
        });
    }
    counted
}
