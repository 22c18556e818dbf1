//! Policies and metric sources as the API server holds them, for the set in force.
//!
//! They are followed by watches. While the API server is away, what was read last stays in force;
//! the watches begin again by themselves.

mod object;
mod objects;
mod reading;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use kube::Client;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::config::{Configuration, ModuleFolder};
use crate::server::Readiness;
use crate::server::live::{LOOK_EVERY, Origin};
use crate::server::watch::Watch;
use crate::telemetry::Telemetry;
use reading::Reader;

pub use object::{Followed, Key, Object};
pub use objects::Objects;
pub use reading::{Consequence, Fault};

/// `kubectl apply` of a folder changes many objects, one after another.
const QUIET: Duration = Duration::from_millis(50);
/// Objects that never come to rest are read all the same after so many rests missed.
const RESTLESS: usize = 10;

/// Policies and metric sources of the cluster.
pub struct Feed {
    objects: Objects,
    reader: Reader,
    /// Counts changes of the module files.
    files: watch::Receiver<u64>,
    read: Versions,
    faults: watch::Sender<Arc<Vec<Fault>>>,
}

/// What is read again when it differs: the specs of all objects, and the module files.
#[derive(Default, PartialEq)]
struct Versions {
    objects: BTreeMap<Key, Version>,
    files: u64,
}

/// An object that was deleted and made again begins with the same generation.
#[derive(PartialEq)]
struct Version {
    uid: String,
    generation: Option<i64>,
}

impl Feed {
    /// Follows the objects of a cluster from now on. `modules` is where the module files are that
    /// they name. Until the first complete list, `readiness` is told why it does not come.
    #[must_use]
    pub fn new(
        client: &Client,
        modules: Option<PathBuf>,
        readiness: &Readiness,
        telemetry: &Telemetry,
    ) -> Self {
        Self {
            objects: Objects::follow(client, readiness, telemetry),
            files: watched(modules.clone()),
            reader: Reader::new(ModuleFolder(modules)),
            read: Versions::default(),
            faults: watch::Sender::default(),
        }
    }

    /// The objects, as they are at any time.
    #[must_use]
    pub fn objects(&self) -> Objects {
        self.objects.clone()
    }

    /// The objects that could not be read, each time they are read.
    #[must_use]
    pub fn faults(&self) -> watch::Receiver<Arc<Vec<Fault>>> {
        self.faults.subscribe()
    }

    async fn read_objects(&mut self) -> Configuration {
        self.objects.listed().await;
        let files = *self.files.borrow_and_update();
        let objects = self.objects.all();
        self.read = Versions::of(&objects, files);
        let (configuration, faults) = self.reader.read(&objects);
        self.faults.send_replace(Arc::new(faults));
        configuration
    }

    async fn wait_for_change(&mut self) {
        loop {
            self.notice().await;
            for _ in 0..RESTLESS {
                if timeout(QUIET, self.notice()).await.is_err() {
                    break;
                }
            }
            // Most notices tell of a status that was written, often by us.
            let now = Versions::of(&self.objects.all(), *self.files.borrow());
            if now != self.read {
                return;
            }
        }
    }

    async fn notice(&mut self) {
        tokio::select! {
            () = self.objects.changed() => {}
            // It ends with the process.
            Ok(()) = self.files.changed() => {}
        }
    }
}

impl Origin for Feed {
    fn read(&mut self) -> BoxFuture<'_, Configuration> {
        self.read_objects().boxed()
    }

    fn changed(&mut self) -> BoxFuture<'_, ()> {
        self.wait_for_change().boxed()
    }
}

impl Versions {
    fn of(objects: &[Object], files: u64) -> Self {
        let version = |object: &Object| Version {
            uid: object.uid().to_owned(),
            generation: object.generation(),
        };
        let objects = objects.iter().map(|object| (object.key(), version(object)));
        Self {
            objects: objects.collect(),
            files,
        }
    }
}

/// Counts the changes of a folder.
fn watched(folder: Option<PathBuf>) -> watch::Receiver<u64> {
    let (count, counted) = watch::channel(0);
    if let Some(folder) = folder {
        let mut watch = Watch::new(vec![folder], LOOK_EVERY);
        tokio::spawn(async move {
            while !count.is_closed() {
                watch.changed().await;
                count.send_modify(|count| *count += 1);
            }
        });
    }
    counted
}
