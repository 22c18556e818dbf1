//! The objects among the manifests, for policies that read the cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use rollgate_model::selector::LabelSelector;
use rollgate_model::{ClusterError, ClusterErrorCode, host_calls};
use serde::Serialize;
use serde_json::Value;

use crate::sources::{Cluster, KindRef, Labels, ListQuery, ObjectRef, Reading};

/// An object as it is written.
#[derive(Clone, Debug)]
pub(super) struct ManifestObject {
    kind: GroupKind,
    /// Empty where the manifest names none.
    namespace: String,
    name: String,
    text: Arc<str>,
}

/// A kind in all its versions: the API server converts between them, so a policy finds a
/// `policy/v1beta1` budget under `policy/v1`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct GroupKind {
    group: String,
    kind: String,
}

impl GroupKind {
    fn of(KindRef { api_version, kind }: KindRef<'_>) -> Self {
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        Self {
            group: group.to_owned(),
            kind: kind.to_owned(),
        }
    }
}

impl ManifestObject {
    /// Returns the object of a manifest; `None` for a Secret, which no policy reads, and for an object
    /// without a name, which each creation gives another one.
    pub(super) fn of(tree: &Value) -> Option<Self> {
        let word = |pointer| tree.pointer(pointer).and_then(Value::as_str);
        let kind = word("/kind").filter(|kind| !host_calls::is_secret(kind))?;
        let api_version = word("/apiVersion")?;
        let name = word("/metadata/name").filter(|name| !name.is_empty())?;
        Some(Self {
            kind: GroupKind::of(KindRef { api_version, kind }),
            namespace: word("/metadata/namespace").unwrap_or_default().to_owned(),
            name: name.to_owned(),
            text: tree.to_string().into(),
        })
    }

    /// Puts the object into the namespace that manifests without one are for.
    fn in_namespace(mut self, namespace: &str) -> Self {
        if self.namespace.is_empty() && !is_cluster_scoped(&self.kind) {
            let tree: Result<Value, _> = serde_json::from_str(&self.text);
            let mut tree = tree.expect("it was written from a tree");
            tree["metadata"]["namespace"] = namespace.into();
            self.text = tree.to_string().into();
            namespace.clone_into(&mut self.namespace);
        }
        self
    }

    fn label_is(&self, selector: &LabelSelector) -> bool {
        let tree: Result<Value, _> = serde_json::from_str(&self.text);
        let tree = tree.expect("it was written from a tree");
        selector.matches(|key| tree["metadata"]["labels"][key].as_str())
    }
}

/// Kinds of Kubernetes itself whose objects have no namespace. Of other kinds it is not known.
fn is_cluster_scoped(GroupKind { group, kind }: &GroupKind) -> bool {
    let kinds: &[&str] = match group.as_str() {
        "" => &["Namespace", "Node", "PersistentVolume"],
        "scheduling.k8s.io" => &["PriorityClass"],
        "node.k8s.io" => &["RuntimeClass"],
        "networking.k8s.io" => &["IngressClass"],
        "storage.k8s.io" => &["StorageClass", "CSIDriver", "CSINode", "VolumeAttachment"],
        "rbac.authorization.k8s.io" => &["ClusterRole", "ClusterRoleBinding"],
        "apiextensions.k8s.io" => &["CustomResourceDefinition"],
        _ => &[],
    };
    kinds.contains(&kind.as_str())
}

/// A kind that policies asked for, and that is not among the manifests.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NotSeen {
    pub(super) kind: String,
    pub(super) api_version: String,
}

/// The objects among the manifests, by kind, then by namespace and name.
///
/// What a kind has is what is written. A kind of which nothing is written is not seen, which is not the
/// same as none.
#[derive(Debug, Default)]
pub(super) struct Objects {
    kinds: BTreeMap<GroupKind, BTreeMap<(String, String), ManifestObject>>,
    not_seen: Mutex<BTreeSet<NotSeen>>,
}

impl Objects {
    /// Indexes the objects. As after `kubectl apply`, an object of `before` stays unless `after` has
    /// another version of it.
    pub(super) fn new(
        before: Vec<ManifestObject>,
        after: Vec<ManifestObject>,
        namespace: Option<&str>,
    ) -> Self {
        let mut objects = Self::default();
        for object in before.into_iter().chain(after) {
            let object = match namespace {
                Some(namespace) => object.in_namespace(namespace),
                None => object,
            };
            let key = (object.namespace.clone(), object.name.clone());
            let of_kind = objects.kinds.entry(object.kind.clone()).or_default();
            of_kind.insert(key, object);
        }
        objects
    }

    /// Returns the kinds that policies asked for and that were not seen.
    pub(super) fn not_seen(&self) -> Vec<NotSeen> {
        self.noted().iter().cloned().collect()
    }

    fn noted(&self) -> std::sync::MutexGuard<'_, BTreeSet<NotSeen>> {
        // Each change is a single insert.
        self.not_seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unseen(&self, kind: KindRef<'_>, message: String) -> ClusterError {
        self.noted().insert(NotSeen {
            kind: kind.kind.to_owned(),
            api_version: kind.api_version.to_owned(),
        });
        ClusterError {
            code: ClusterErrorCode::NotSeen,
            message,
        }
    }

    fn find(&self, object: ObjectRef<'_>, reading: Reading) -> Result<Arc<str>, ClusterError> {
        let ObjectRef {
            kind,
            namespace,
            name,
        } = object;
        self.check_reading(kind, reading)?;
        let key = (namespace.unwrap_or_default().to_owned(), name.to_owned());
        let of_kind = self.kinds.get(&GroupKind::of(kind));
        let found = of_kind.and_then(|objects| objects.get(&key));
        found.map(|found| Arc::clone(&found.text)).ok_or_else(|| {
            let message = format!(
                "the manifests hold no {} `{}`, so it is not known whether the cluster has it",
                kind.kind,
                name.escape_debug()
            );
            self.unseen(kind, message)
        })
    }

    fn select(
        &self,
        query: ListQuery<'_>,
        reading: Reading,
    ) -> Result<Vec<Arc<str>>, ClusterError> {
        let kind = query.kind;
        let parsed = query.label_selector.parse::<LabelSelector>();
        let selector = parsed.map_err(|error| ClusterError {
            code: ClusterErrorCode::Invalid,
            message: error.to_string(),
        })?;
        self.check_reading(kind, reading)?;
        let of_kind = self.kinds.get(&GroupKind::of(kind)).ok_or_else(|| {
            let message = format!(
                "the manifests hold no {}, so it is not known which ones the cluster has",
                kind.kind
            );
            self.unseen(kind, message)
        })?;
        let in_scope = |object: &&ManifestObject| {
            let namespace = query.scope.namespace();
            namespace.is_none_or(|namespace| object.namespace == namespace)
        };
        let selected = |object: &&ManifestObject| {
            query.label_selector.is_empty() || object.label_is(&selector)
        };
        let found = of_kind.values().filter(in_scope).filter(selected);
        Ok(found.map(|object| Arc::clone(&object.text)).collect())
    }

    /// What is read fresh is the state of the cluster, which no manifest has.
    fn check_reading(&self, kind: KindRef<'_>, reading: Reading) -> Result<(), ClusterError> {
        match reading {
            Reading::Recent => Ok(()),
            Reading::Fresh => {
                let message = format!(
                    "manifests do not have the present state of a {}; a scenario can supply it",
                    kind.kind
                );
                Err(self.unseen(kind, message))
            }
        }
    }
}

impl Cluster for Objects {
    fn is_connected(&self) -> bool {
        false
    }

    fn get<'a>(
        &'a self,
        object: ObjectRef<'a>,
        reading: Reading,
    ) -> BoxFuture<'a, Result<Arc<str>, ClusterError>> {
        ready(self.find(object, reading)).boxed()
    }

    fn list<'a>(
        &'a self,
        query: ListQuery<'a>,
        reading: Reading,
    ) -> BoxFuture<'a, Result<Vec<Arc<str>>, ClusterError>> {
        ready(self.select(query, reading)).boxed()
    }

    /// Of a Namespace that is among the manifests, [`Namespaces`](super::namespaces::Namespaces) has the
    /// labels.
    fn namespace_labels<'a>(
        &'a self,
        namespace: &'a str,
    ) -> BoxFuture<'a, Result<Arc<Labels>, ClusterError>> {
        let error = ClusterError {
            code: ClusterErrorCode::NotSeen,
            message: format!(
                "the manifests hold no Namespace `{}`",
                namespace.escape_debug()
            ),
        };
        ready(Err(error)).boxed()
    }
}

#[cfg(test)]
mod tests;
