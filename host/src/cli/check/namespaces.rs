//! The labels of the Namespaces among the manifests, for policies with a `namespaceSelector`.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use rollgate_model::ClusterError;
use serde_json::Value;

use super::evaluate::Checked;
use crate::config::{NamespaceLabels, Problem};
use crate::sources::{Access, Cluster, KindRef, Labels, ListQuery, ObjectRef, Reading, Scope};

/// The label that the API server gives every namespace.
const NAME: &str = "kubernetes.io/metadata.name";

/// The labels of the Namespaces among the manifests, by name.
#[derive(Debug, Default)]
pub(super) struct Namespaces(HashMap<String, Arc<Labels>>);

impl Namespaces {
    /// Adds the object if it is a Namespace.
    pub(super) fn note(&mut self, tree: &Value) {
        let word = |pointer| tree.pointer(pointer).and_then(Value::as_str);
        let is_one = word("/apiVersion") == Some("v1") && word("/kind") == Some("Namespace");
        let Some(name) = word("/metadata/name").filter(|_| is_one) else {
            return;
        };
        let labels = tree.pointer("/metadata/labels").and_then(Value::as_object);
        let labels = labels.into_iter().flatten();
        let labels =
            labels.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
        let mut labels: BTreeMap<String, String> = labels.collect();
        labels.insert(NAME.to_owned(), name.to_owned());
        self.0.insert(name.to_owned(), labels.into_iter().collect());
    }

    pub(super) fn add(&mut self, more: Self) {
        self.0.extend(more.0);
    }

    /// Adds these namespaces to a cluster.
    pub(super) fn in_cluster(self, cluster: Arc<dyn Cluster>) -> Arc<dyn Cluster> {
        Arc::new(WithNamespaces {
            namespaces: self,
            cluster,
        })
    }
}

/// Returns a warning for each namespace whose labels were needed and are unknown.
pub(super) fn unknown(checked: &[Checked]) -> Vec<Problem> {
    let mut unknown = BTreeMap::new();
    for checked in checked {
        if let Some(decision) = checked.decision()
            && let NamespaceLabels::Unknown { .. } = decision.namespace_labels()
        {
            let first = unknown.entry(checked.namespace.as_str());
            first.or_insert_with(|| why(checked));
        }
    }
    unknown.into_values().collect()
}

fn why(checked: &Checked) -> Problem {
    let counts = "so every policy with a namespaceSelector matches";
    let (message, hint) = match checked.namespace.as_str() {
        "" => (
            format!("this names no namespace, {counts}"),
            "name it by --namespace",
        ),
        namespace => (
            format!("the labels of the namespace `{namespace}` are not known, {counts}"),
            "give the manifest of the Namespace beside the others",
        ),
    };
    let problem = checked.origin.problem("/metadata/namespace", message);
    problem.hint(hint)
}

struct WithNamespaces {
    namespaces: Namespaces,
    cluster: Arc<dyn Cluster>,
}

impl Cluster for WithNamespaces {
    fn get<'a>(
        &'a self,
        object: ObjectRef<'a>,
        reading: Reading,
    ) -> BoxFuture<'a, Result<Arc<str>, ClusterError>> {
        self.cluster.get(object, reading)
    }

    fn list<'a>(
        &'a self,
        query: ListQuery<'a>,
        reading: Reading,
    ) -> BoxFuture<'a, Result<Vec<Arc<str>>, ClusterError>> {
        self.cluster.list(query, reading)
    }

    fn namespace_labels<'a>(
        &'a self,
        namespace: &'a str,
    ) -> BoxFuture<'a, Result<Arc<Labels>, ClusterError>> {
        match self.namespaces.0.get(namespace) {
            Some(labels) => ready(Ok(Arc::clone(labels))).boxed(),
            None => self.cluster.namespace_labels(namespace),
        }
    }

    fn access<'a>(&'a self, kind: KindRef<'a>, scope: Scope<'a>) -> BoxFuture<'a, Access> {
        self.cluster.access(kind, scope)
    }
}
