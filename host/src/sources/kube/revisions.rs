//! The earlier revisions of a workload, and the ReplicaSets behind a Service.

mod item;

use kube::Client;
use rollgate_model::{Kind, Owner, Revision, RevisionQuery};

use self::item::Item;
use super::failure::Failure;
use super::fetch::Pages;
use super::names;
use crate::sources::Reading;

/// The most objects that are looked at for one change.
const MOST_OWNED: usize = 1_000;
const MOST_SERVED: usize = 5_000;

/// Why the revisions are not known, in words that fit after "because".
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("the object has no uid, which tells whose revisions are whose")]
    NoUid,
    #[error("its namespace or labels cannot stand in a request")]
    OddNames,
    #[error("there are more than {most} {plural} to look at")]
    TooMany { most: usize, plural: &'static str },
    #[error("rollgate itself may not list {plural} in `{namespace}`")]
    Forbidden {
        plural: &'static str,
        namespace: String,
    },
    #[error("{0}")]
    Failed(Failure),
}

/// Reads the revisions that tell a change apart.
pub(super) async fn read(
    client: &Client,
    wanted: &RevisionQuery,
    reading: Reading,
) -> Result<Vec<Revision>, Unreadable> {
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

/// Whatever has the labels may belong to somebody else: only the owner's UID tells.
async fn owned(
    client: &Client,
    owner: &Owner,
    reading: Reading,
) -> Result<Vec<Revision>, Unreadable> {
    let uid = owner.uid.as_deref().ok_or(Unreadable::NoUid)?;
    let plural = match owner.kind {
        Kind::StatefulSet | Kind::DaemonSet => CONTROLLER_REVISIONS,
        Kind::Deployment | Kind::Rollout | Kind::Service => REPLICA_SETS,
    };
    let all = List {
        plural,
        namespace: &owner.namespace,
        selector: &selector(&owner.labels)?,
        most: MOST_OWNED,
        reading,
    };
    let keep = |item: Item| {
        let ours = item.metadata.controller().is_some_and(|it| it.uid == uid);
        ours.then(|| item.owned_by(owner))
    };
    all.read(client, keep).await
}

async fn served(
    client: &Client,
    namespace: &str,
    selectors: &[Vec<(String, String)>; 2],
) -> Result<Vec<Revision>, Unreadable> {
    let all = List {
        plural: REPLICA_SETS,
        namespace,
        // A ReplicaSet need not have the labels that its Pods have.
        selector: "",
        most: MOST_SERVED,
        reading: Reading::Fresh,
    };
    let keep = |item: Item| {
        let served = selectors.iter().any(|selector| item.makes_pods(selector));
        served.then(|| item.served())
    };
    all.read(client, keep).await
}

fn selector(labels: &[(String, String)]) -> Result<String, Unreadable> {
    let pairs: Vec<_> = labels
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    let text = pairs.join(",");
    names::selector(&text).map_err(|_| Unreadable::OddNames)?;
    Ok(text)
}

/// The objects of one kind.
struct List<'a> {
    plural: &'static str,
    namespace: &'a str,
    selector: &'a str,
    most: usize,
    reading: Reading,
}

impl List<'_> {
    /// Only what is kept stays in memory.
    async fn read(
        self,
        client: &Client,
        keep: impl Fn(Item) -> Option<Revision>,
    ) -> Result<Vec<Revision>, Unreadable> {
        let Self {
            plural,
            namespace,
            selector,
            most,
            reading,
        } = self;
        if namespace.is_empty() || names::namespace(namespace).is_err() {
            return Err(Unreadable::OddNames);
        }
        let path = format!("/apis/apps/v1/namespaces/{namespace}/{plural}");
        let mut pages = match reading {
            // The cache's answer comes whole, and without a selector that is the whole namespace.
            Reading::Recent if !selector.is_empty() => Pages::cached(client, path, selector),
            Reading::Recent | Reading::Fresh => Pages::new(client, path, selector),
        };
        let (mut seen, mut kept) = (0, Vec::new());
        while let Some(page) = pages
            .next::<Item>()
            .await
            .map_err(|failure| self.why(failure))?
        {
            seen += page.len();
            if seen > most {
                return Err(Unreadable::TooMany { most, plural });
            }
            kept.extend(page.into_iter().filter_map(&keep));
        }
        Ok(kept)
    }

    fn why(&self, failure: Failure) -> Unreadable {
        match failure {
            Failure::Refused { status: 403, .. } => Unreadable::Forbidden {
                plural: self.plural,
                namespace: self.namespace.to_owned(),
            },
            other => Unreadable::Failed(other),
        }
    }
}
