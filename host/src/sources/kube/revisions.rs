//! The earlier revisions of a workload, and the ReplicaSets behind a Service.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kube::Client;
use rollgate_model::{Kind, Owner, Revision, Wanted};
use serde::Deserialize;
use serde_json::Value;

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
    wanted: &Wanted,
    reading: Reading,
) -> Result<Vec<Revision>, Unreadable> {
    match wanted {
        Wanted::Owned(owner) => owned(client, owner, reading).await,
        Wanted::Served {
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
    let keep = |item: &Item| item.is_controlled_by(uid);
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
    let keep = |item: &Item| selectors.iter().any(|selector| item.makes_pods(selector));
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
        keep: impl Fn(&Item) -> bool,
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
            kept.extend(page.into_iter().filter(&keep).map(Item::revision));
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

/// What matters of a ReplicaSet or ControllerRevision.
#[derive(Deserialize)]
struct Item {
    metadata: Metadata,
    /// A ReplicaSet's.
    spec: Option<Spec>,
    /// A ReplicaSet's.
    status: Option<Status>,
    /// A ControllerRevision's: what its controller likes, which is a patch with the template.
    data: Option<Value>,
    /// A ControllerRevision's.
    revision: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    name: String,
    creation_timestamp: Timestamp,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    #[serde(default)]
    owner_references: Vec<OwnerReference>,
}

#[derive(Deserialize)]
struct OwnerReference {
    uid: String,
    #[serde(default)]
    controller: bool,
}

#[derive(Deserialize)]
struct Spec {
    #[serde(default)]
    template: Value,
}

#[derive(Deserialize)]
struct Status {
    #[serde(default)]
    replicas: i64,
}

/// Where the controllers of Deployments and of Argo Rollouts number their ReplicaSets.
const NUMBERS: [&str; 2] = [
    "deployment.kubernetes.io/revision",
    "rollout.argoproj.io/revision",
];

impl Item {
    fn is_controlled_by(&self, uid: &str) -> bool {
        let mut owners = self.metadata.owner_references.iter();
        owners.any(|owner| owner.controller && owner.uid == uid)
    }

    fn makes_pods(&self, selector: &[(String, String)]) -> bool {
        let template = self.spec.as_ref().map(|spec| &spec.template);
        let labels = template.and_then(|template| template.pointer("/metadata/labels"));
        let has = |key: &str, value: &str| {
            labels.and_then(|labels| labels.get(key)?.as_str()) == Some(value)
        };
        !selector.is_empty() && selector.iter().all(|(key, value)| has(key, value))
    }

    fn revision(self) -> Revision {
        let Metadata {
            name,
            creation_timestamp,
            annotations,
            ..
        } = self.metadata;
        let number = || {
            let mut numbers = NUMBERS.iter().filter_map(|key| annotations.get(*key));
            numbers.find_map(|number| number.parse().ok())
        };
        let template = match (self.spec, self.data) {
            (Some(spec), _) => spec.template,
            (None, Some(mut data)) => data
                .pointer_mut("/spec/template")
                .map(Value::take)
                .unwrap_or_default(),
            (None, None) => Value::Null,
        };
        let mut revision = Revision::new(name, creation_timestamp, template);
        revision.number = self.revision.or_else(number);
        revision.has_pods = self.status.map(|status| status.replicas > 0);
        revision
    }
}
