//! The labels of namespaces, for policies that select namespaces by them.
//!
//! They are watched, because every review reads them, but only from the first read on: most installations
//! have no policy that selects namespaces.

use std::pin::pin;
use std::sync::{Arc, OnceLock};

use futures_util::StreamExt as _;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, PartialObjectMeta};
use kube::runtime::reflector::ObjectRef;
use kube::runtime::reflector::store::{Store, Writer};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Client, ResourceExt as _};

use super::names;
use super::request::RequestError;
use crate::sources::Labels;

/// After so many seconds the watch starts again, so that a connection that is silently dead is noticed.
const WATCH_SECONDS: u32 = 60;

type Metadata = PartialObjectMeta<Namespace>;

/// The namespaces of a cluster.
pub(super) struct Namespaces {
    watching: Client,
    api: Api<Namespace>,
    store: OnceLock<Store<Metadata>>,
}

impl Namespaces {
    pub(super) fn new(client: Client, watching: Client) -> Self {
        Self {
            watching,
            api: Api::all(client),
            store: OnceLock::new(),
        }
    }

    /// Returns the labels of a namespace, from the watch or, if it does not know the namespace (yet), from
    /// the API server.
    pub(super) async fn labels(&self, name: &str) -> Result<Arc<Labels>, RequestError> {
        names::object(name).map_err(|error| RequestError::Malformed(error.message))?;
        let store = self.store.get_or_init(|| watch(self.watching.clone()));
        if let Some(namespace) = store.get(&ObjectRef::new(name)) {
            return Ok(labels(&namespace));
        }
        Ok(labels(&self.api.get_metadata(name).await?))
    }
}

fn labels(namespace: &Metadata) -> Arc<Labels> {
    let labels = namespace.labels().iter();
    labels
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

fn watch(client: Client) -> Store<Metadata> {
    let writer = Writer::default();
    let store = writer.as_reader();
    let events = watcher(
        Api::<Metadata>::all(client),
        watcher::Config::default().timeout(WATCH_SECONDS),
    )
    .modify(|namespace| {
        namespace.metadata.managed_fields = None;
        namespace.metadata.annotations = None;
    })
    .default_backoff()
    .reflect(writer);
    tokio::spawn(async move {
        let mut events = pin!(events);
        while let Some(event) = events.next().await {
            if let Err(error) = event {
                tracing::warn!(%error, "the labels of namespaces cannot be watched, so each review reads them; trying again");
            }
        }
    });
    store
}
