//! Reads of a cluster: objects for policies, and earlier revisions of workloads. They are requested when
//! they are needed. Only the labels of namespaces are watched, so rollgate's memory does not grow with
//! the cluster.

mod discovery;
mod names;
mod namespaces;
mod objects;
mod pages;
mod request;
mod response;
mod revisions;
mod secrets;

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use kube::Client;
use moka::future::Cache;
use rollgate_model::{ClusterError, RevisionQuery, Revisions};

use crate::cluster::Clients;
use crate::sources::single_flight::get_or_fetch;
use crate::sources::{
    Access, Cluster, ClusterSources, History, KindRef, Labels, ListQuery, ObjectRef, Reading, Scope,
};
use discovery::Discovery;
use namespaces::Namespaces;
use objects::{Objects, Query};
use request::RequestError;

pub use secrets::SecretReader;

/// How long a response is cached. In a burst, many reviews read the same; a policy that must not see an
/// older state requests a fresh reading.
const TTL: Duration = Duration::from_secs(3);

/// The capacity of the cache in bytes; the least recently used are evicted.
const MAX_CACHED_BYTES: u64 = 32 << 20;

/// Returns everything that rollgate reads in a cluster. Secrets are those of `namespace`.
pub(crate) fn facts(clients: &Clients, namespace: &str) -> ClusterSources {
    let client = clients.requests.clone();
    let cluster = Arc::new(ClusterReader::new(client.clone(), clients.watches.clone()));
    ClusterSources {
        cluster: Arc::clone(&cluster) as Arc<dyn Cluster>,
        history: cluster,
        secrets: Arc::new(SecretReader::new(client, namespace)),
    }
}

/// Reads a cluster by its API server.
#[derive(Clone)]
pub struct ClusterReader {
    client: Client,
    discovery: Discovery,
    cache: Cache<Query, Objects>,
    namespaces: Arc<Namespaces>,
}

impl ClusterReader {
    /// Returns a reader that requests through `client` and watches through `watching`, with their
    /// rights. No request is sent yet.
    #[must_use]
    pub fn new(client: Client, watching: Client) -> Self {
        Self {
            namespaces: Arc::new(Namespaces::new(client.clone(), watching)),
            discovery: Discovery::new(client.clone()),
            cache: Cache::builder()
                .weigher(|query: &Query, objects: &Objects| {
                    let bytes: usize = objects.iter().map(|text| text.len()).sum();
                    u32::try_from(query.bytes() + bytes).unwrap_or(u32::MAX)
                })
                .max_capacity(MAX_CACHED_BYTES)
                .time_to_live(TTL)
                .build(),
            client,
        }
    }

    async fn read(&self, query: Query, reading: Reading) -> Result<Objects, ClusterError> {
        query.check()?;
        match reading {
            Reading::Fresh => {
                let objects = self.request(&query).await?;
                self.cache.insert(query, Arc::clone(&objects)).await;
                Ok(objects)
            }
            Reading::Recent => {
                let (this, requested) = (self.clone(), query.clone());
                let request = async move { this.request(&requested).await };
                let fetched = get_or_fetch(&self.cache, query, request).await;
                fetched.unwrap_or_else(|_| {
                    let panicked = "rollgate panicked while it read it".to_owned();
                    Err(RequestError::Malformed(panicked).into_cluster_error())
                })
            }
        }
    }

    async fn request(&self, query: &Query) -> Result<Objects, ClusterError> {
        let resource = self.discovery.resource(query.kind()).await?;
        objects::read(&self.client, &resource, query).await
    }
}

impl Cluster for ClusterReader {
    fn get<'a>(
        &'a self,
        object: ObjectRef<'a>,
        reading: Reading,
    ) -> BoxFuture<'a, Result<Arc<str>, ClusterError>> {
        async move {
            let objects = self.read(Query::get(object), reading).await?;
            let object = objects.first().map(Arc::clone);
            object.ok_or_else(|| {
                RequestError::Malformed("the response is empty".into()).into_cluster_error()
            })
        }
        .boxed()
    }

    fn list<'a>(
        &'a self,
        query: ListQuery<'a>,
        reading: Reading,
    ) -> BoxFuture<'a, Result<Vec<Arc<str>>, ClusterError>> {
        async move { Ok(self.read(Query::list(query), reading).await?.to_vec()) }.boxed()
    }

    fn namespace_labels<'a>(
        &'a self,
        namespace: &'a str,
    ) -> BoxFuture<'a, Result<Arc<Labels>, ClusterError>> {
        let labels = self.namespaces.labels(namespace);
        labels
            .map(|labels| labels.map_err(RequestError::into_cluster_error))
            .boxed()
    }

    fn access<'a>(&'a self, kind: KindRef<'a>, scope: Scope<'a>) -> BoxFuture<'a, Access> {
        discovery::access(&self.discovery, kind, scope).boxed()
    }
}

/// Revisions are not cached here; a recent reading is what the API server has in its cache.
impl History for ClusterReader {
    fn revisions<'a>(
        &'a self,
        wanted: &'a RevisionQuery,
        reading: Reading,
    ) -> BoxFuture<'a, Revisions> {
        async move {
            match revisions::read(&self.client, wanted, reading).await {
                Ok(revisions) => Revisions::Known(revisions),
                Err(why) => {
                    tracing::warn!(?wanted, %why, "the earlier revisions cannot be read, so a rollback counts as a roll-forward");
                    Revisions::Unknown {
                        why: why.to_string(),
                    }
                }
            }
        }
        .boxed()
    }
}
