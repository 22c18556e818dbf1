//! The earlier revisions of a workload, and the ReplicaSets behind a Service.

mod item;
mod kept;

use kube::Client;
use rollgate_model::{Kind, Owner, Revision, RevisionQuery};

use super::names;
use super::pages::Pages;
use super::request::RequestError;
use crate::sources::Reading;
use item::Item;
use kept::Kept;

/// The most objects to read for one change.
const MAX_OWNED: usize = 1_000;
const MAX_SERVED: usize = 5_000;

/// Why the revisions are unknown; the messages fit after "because".
#[derive(Debug, thiserror::Error)]
pub(super) enum RevisionsError {
    #[error("the object has no uid, by which its revisions are found")]
    NoUid,
    #[error("its namespace or labels are malformed")]
    MalformedNames,
    #[error("there are more than {most} {plural} to read")]
    TooMany { most: usize, plural: &'static str },
    #[error("rollgate itself may not list {plural} in `{namespace}`")]
    Forbidden {
        plural: &'static str,
        namespace: String,
    },
    #[error("{0}")]
    Failed(RequestError),
}

/// Reads the revisions that a change is classified by.
pub(super) async fn read(
    client: &Client,
    wanted: &RevisionQuery,
    reading: Reading,
) -> Result<Vec<Revision>, RevisionsError> {
    match wanted {
        RevisionQuery::Owned(owner) => owned(client, owner, reading).await,
        RevisionQuery::Selected {
            namespace,
            selectors,
        } => served(client, namespace, selectors).await,
    }
}

const REPLICA_SETS: &str = "replicasets";
const CONTROLLER_REVISIONS: &str = "controllerrevisions";

/// Reads the revisions of a workload: objects with its labels that it owns by UID.
async fn owned(
    client: &Client,
    owner: &Owner,
    reading: Reading,
) -> Result<Vec<Revision>, RevisionsError> {
    let uid = owner.uid.as_deref().ok_or(RevisionsError::NoUid)?;
    let plural = match owner.kind {
        Kind::StatefulSet | Kind::DaemonSet => CONTROLLER_REVISIONS,
        Kind::Deployment | Kind::Rollout | Kind::Service => REPLICA_SETS,
    };
    let all = List {
        plural,
        namespace: &owner.namespace,
        selector: &selector(&owner.labels)?,
        most: MAX_OWNED,
        reading,
    };
    let keep = |item: Item| {
        let owned = item.metadata.controller().is_some_and(|it| it.uid == uid);
        owned.then(|| item.owned_by(owner))
    };
    all.read(client, keep).await
}

async fn served(
    client: &Client,
    namespace: &str,
    selectors: &[Vec<(String, String)>; 2],
) -> Result<Vec<Revision>, RevisionsError> {
    let all = List {
        plural: REPLICA_SETS,
        namespace,
        // A ReplicaSet need not have the labels that its Pods have.
        selector: "",
        most: MAX_SERVED,
        reading: Reading::Fresh,
    };
    let keep = |item: Item| {
        let served = selectors.iter().any(|selector| item.makes_pods(selector));
        served.then(|| item.served())
    };
    all.read(client, keep).await
}

fn selector(labels: &[(String, String)]) -> Result<String, RevisionsError> {
    let pairs: Vec<_> = labels
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    let text = pairs.join(",");
    names::selector(&text).map_err(|_| RevisionsError::MalformedNames)?;
    Ok(text)
}

/// A list of one kind.
struct List<'a> {
    plural: &'static str,
    namespace: &'a str,
    selector: &'a str,
    most: usize,
    reading: Reading,
}

impl List<'_> {
    /// Reads page by page, so that only kept revisions stay in memory.
    async fn read(
        self,
        client: &Client,
        keep: impl Fn(Item) -> Option<Revision>,
    ) -> Result<Vec<Revision>, RevisionsError> {
        let Self {
            plural,
            namespace,
            selector,
            most,
            reading,
        } = self;
        if namespace.is_empty() || names::namespace(namespace).is_err() {
            return Err(RevisionsError::MalformedNames);
        }
        let path = format!("/apis/apps/v1/namespaces/{namespace}/{plural}");
        let mut pages = match reading {
            // A list from the cache has one page, which without a selector is the whole namespace.
            Reading::Recent if !selector.is_empty() => Pages::cached(client, path, selector),
            Reading::Recent | Reading::Fresh => Pages::new(client, path, selector),
        };
        let (mut seen, mut kept) = (0, Kept::default());
        loop {
            let each = |item: Item| {
                seen += 1;
                if seen <= most
                    && let Some(revision) = keep(item)
                {
                    kept.push(revision);
                }
            };
            let more = pages.next(each).await.map_err(|error| self.error(error))?;
            if seen > most {
                return Err(RevisionsError::TooMany { most, plural });
            }
            if !more {
                break;
            }
        }
        Ok(kept.revisions())
    }

    fn error(&self, error: RequestError) -> RevisionsError {
        match error {
            RequestError::Status { status: 403, .. } => RevisionsError::Forbidden {
                plural: self.plural,
                namespace: self.namespace.to_owned(),
            },
            other => RevisionsError::Failed(other),
        }
    }
}
