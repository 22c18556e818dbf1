//! A real cluster: its objects, for policies that may read them, and the earlier revisions of what
//! is rolled out. Each is asked of the API server when somebody wants to know it. Nothing is
//! watched but the labels of namespaces, so rollgate's memory does not grow with the cluster.

mod access;
mod discovery;
mod failure;
mod fetch;
mod names;
mod namespaces;
mod objects;
mod revisions;
mod secrets;

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use kube::Client;
use moka::future::Cache;
use rollgate_model::{ClusterError, RevisionQuery, Revisions};

use self::discovery::Discovery;
use self::failure::Failure;
use self::namespaces::Namespaces;
use self::objects::{Objects, Question};
pub use self::secrets::KubeSecrets;
use super::{Access, Cluster, History, KindRef, Labels, ListQuery, ObjectRef, Reading};

/// How long an answer serves again. A burst of requests asks the same, and a policy that must not
/// see an older state asks for a fresh reading.
const KEEP: Duration = Duration::from_secs(3);

/// How much the answers that are kept may weigh, in bytes; what was used least goes first.
const MOST_KEPT: u64 = 32 << 20;

/// A cluster, by its API server.
#[derive(Clone)]
pub struct KubeCluster {
    client: Client,
    discovery: Discovery,
    answers: Cache<Question, Objects>,
    namespaces: Arc<Namespaces>,
}

impl KubeCluster {
    /// A cluster that is asked through `client` and watched through `watching`, with their rights.
    /// Nothing is asked yet.
    #[must_use]
    pub fn new(client: Client, watching: Client) -> Self {
        Self {
            namespaces: Arc::new(Namespaces::new(client.clone(), watching)),
            discovery: Discovery::new(client.clone()),
            answers: Cache::builder()
                .weigher(|question: &Question, objects: &Objects| {
                    let bytes: usize = objects.iter().map(|text| text.len()).sum();
                    u32::try_from(question.weight() + bytes).unwrap_or(u32::MAX)
                })
                .max_capacity(MOST_KEPT)
                .time_to_live(KEEP)
                .build(),
            client,
        }
    }

    async fn ask(&self, question: Question, reading: Reading) -> Result<Objects, ClusterError> {
        question.check()?;
        match reading {
            Reading::Recent => self.recent(question).await,
            Reading::Fresh => {
                let objects = self.read(&question).await?;
                self.answers.insert(question, Arc::clone(&objects)).await;
                Ok(objects)
            }
        }
    }

    /// Equal questions share one request. It runs in a task of its own: a caller that gives up
    /// neither ends it for the others nor makes one of them start again.
    async fn recent(&self, question: Question) -> Result<Objects, ClusterError> {
        if let Some(objects) = self.answers.get(&question).await {
            return Ok(objects);
        }
        let this = self.clone();
        let flight = async move {
            let read = this.read(&question);
            this.answers.try_get_with_by_ref(&question, read).await
        };
        match tokio::spawn(flight).await {
            Ok(answer) => answer.map_err(|error| ClusterError::clone(&error)),
            Err(_) => {
                Err(Failure::Odd("reading it went wrong inside rollgate".into()).into_error())
            }
        }
    }

    async fn read(&self, question: &Question) -> Result<Objects, ClusterError> {
        let resource = self
            .discovery
            .resource(question.api_version(), question.kind())
            .await?;
        objects::read(&self.client, &resource, question).await
    }
}

impl Cluster for KubeCluster {
    fn get<'a>(
        &'a self,
        object: ObjectRef<'a>,
        reading: Reading,
    ) -> BoxFuture<'a, Result<Arc<str>, ClusterError>> {
        async move {
            let objects = self.ask(Question::one(object), reading).await?;
            let object = objects.first().map(Arc::clone);
            object.ok_or_else(|| Failure::Odd("the answer is empty".into()).into_error())
        }
        .boxed()
    }

    fn list<'a>(
        &'a self,
        query: ListQuery<'a>,
        reading: Reading,
    ) -> BoxFuture<'a, Result<Vec<Arc<str>>, ClusterError>> {
        async move { Ok(self.ask(Question::many(query), reading).await?.to_vec()) }.boxed()
    }

    fn namespace_labels<'a>(
        &'a self,
        namespace: &'a str,
    ) -> BoxFuture<'a, Result<Arc<Labels>, ClusterError>> {
        let labels = self.namespaces.labels(namespace);
        labels
            .map(|labels| labels.map_err(Failure::into_error))
            .boxed()
    }

    fn access<'a>(&'a self, kind: KindRef<'a>) -> BoxFuture<'a, Access> {
        access::of(&self.client, &self.discovery, kind).boxed()
    }
}

/// The revisions are never kept here; a recent reading is what the API server has in its cache.
impl History for KubeCluster {
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
