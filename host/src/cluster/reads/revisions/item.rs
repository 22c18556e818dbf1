//! Parses ReplicaSets and ControllerRevisions into revisions.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use rollgate_model::json::Value;
use rollgate_model::{Flaw, Kind, Owner, Revision};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

/// The relevant fields of a ReplicaSet or ControllerRevision.
#[derive(Deserialize)]
pub(super) struct Item {
    pub(super) metadata: Metadata,
    /// Of a ReplicaSet.
    spec: Option<Spec>,
    /// Of a ReplicaSet.
    status: Option<Status>,
    /// Of a ControllerRevision: a patch with the template.
    data: Option<Value>,
    /// Of a ControllerRevision.
    revision: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Metadata {
    name: String,
    creation_timestamp: Timestamp,
    #[serde(default, deserialize_with = "read_texts")]
    labels: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "read_texts")]
    annotations: BTreeMap<String, String>,
    #[serde(default)]
    owner_references: Vec<OwnerReference>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OwnerReference {
    api_version: String,
    kind: String,
    name: String,
    pub(super) uid: String,
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

/// The labels and annotations that are read; anybody may write any number of others.
const READ: [&str; 8] = [
    "controller-revision-hash",
    "controller.kubernetes.io/hash",
    "deployment.kubernetes.io/revision",
    "deployment.kubernetes.io/revision-history",
    "pod-template-hash",
    "rollout.argoproj.io/revision",
    "rollout.argoproj.io/revision-history",
    "rollouts-pod-template-hash",
];

fn read_texts<'de, D: Deserializer<'de>>(texts: D) -> Result<BTreeMap<String, String>, D::Error> {
    struct Read;

    impl<'de> Visitor<'de> for Read {
        type Value = BTreeMap<String, String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a map of texts")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut read = BTreeMap::new();
            while let Some(key) = map.next_key::<Cow<'de, str>>()? {
                if READ.contains(&key.as_ref()) {
                    read.insert(key.into_owned(), map.next_value()?);
                } else {
                    map.next_value::<IgnoredAny>()?;
                }
            }
            Ok(read)
        }
    }

    texts.deserialize_map(Read)
}

impl Metadata {
    /// Returns the owner that controls it; the API server allows only one.
    pub(super) fn controller(&self) -> Option<&OwnerReference> {
        self.owner_references.iter().find(|owner| owner.controller)
    }

    fn hash(&self, kind: Kind) -> Option<&str> {
        self.labels
            .get(Owner::hash_label(kind)?)
            .map(String::as_str)
    }
}

impl OwnerReference {
    /// Returns the kind of the owner if its controller creates ReplicaSets.
    fn kind(&self) -> Option<Kind> {
        Kind::of(&self.api_version, &self.kind)
            .filter(|kind| matches!(kind, Kind::Deployment | Kind::Rollout))
    }
}

impl Item {
    /// Returns whether it is a ReplicaSet whose Pods a selector selects.
    pub(super) fn makes_pods(&self, selector: &[(String, String)]) -> bool {
        let template = self.spec.as_ref().map(|spec| &spec.template);
        let labels = template.and_then(|template| template.pointer("/metadata/labels"));
        let has = |key: &str, value: &str| {
            labels.and_then(|labels| labels.get(key)?.as_str()) == Some(value)
        };
        !selector.is_empty() && selector.iter().all(|(key, value)| has(key, value))
    }

    /// Converts it to a revision of the workload that controls it.
    pub(super) fn owned_by(self, owner: &Owner) -> Revision {
        let Metadata {
            name,
            creation_timestamp,
            ..
        } = &self.metadata;
        let hash = self.metadata.hash(owner.kind);
        let flaw = owner.flaw(name, hash, *creation_timestamp);
        self.revision(Some(owner.kind), flaw)
    }

    /// Converts it to a revision of its controller, whatever that is.
    pub(super) fn served(self) -> Revision {
        let made = |owner: &OwnerReference| {
            let kind = owner.kind()?;
            let hash = self.metadata.hash(kind);
            let named = Owner::names(kind, &owner.name, &self.metadata.name, hash);
            named.then_some((kind, owner.uid.clone()))
        };
        match self.metadata.controller().and_then(made) {
            Some((kind, uid)) => {
                let mut revision = self.revision(Some(kind), None);
                revision.owner = Some(uid);
                revision
            }
            None => self.revision(None, Some(Flaw::NotNamedByController)),
        }
    }

    /// `kind` is that of its owner, whose controller numbers it.
    fn revision(self, kind: Option<Kind>, flaw: Option<Flaw>) -> Revision {
        let numbers = kind.and_then(Numbers::of);
        let annotations = &self.metadata.annotations;
        let number = self.revision.or_else(|| numbers?.present(annotations));
        let earlier_numbers = numbers.and_then(|numbers| numbers.earlier(annotations));
        let template = match (self.spec, self.data) {
            (Some(spec), _) => spec.template,
            (None, Some(mut data)) => data
                .pointer_mut("/spec/template")
                .map(Value::take)
                .unwrap_or_default(),
            (None, None) => Value::Null,
        };
        let Metadata {
            name,
            creation_timestamp,
            ..
        } = self.metadata;
        let mut revision = Revision::new(name, creation_timestamp, template);
        revision.number = number;
        revision.earlier_numbers = earlier_numbers;
        revision.has_pods = self.status.map(|status| status.replicas > 0);
        revision.flaw = flaw;
        revision
    }
}

/// The annotations with a controller's revision numbers. Those of another controller are copied from the
/// workload, where anybody may have written them.
#[derive(Clone, Copy)]
struct Numbers {
    present: &'static str,
    earlier: &'static str,
}

impl Numbers {
    /// A ControllerRevision has its number in a field, and no earlier numbers.
    const fn of(kind: Kind) -> Option<Self> {
        match kind {
            Kind::Deployment => Some(Self {
                present: "deployment.kubernetes.io/revision",
                earlier: "deployment.kubernetes.io/revision-history",
            }),
            Kind::Rollout => Some(Self {
                present: "rollout.argoproj.io/revision",
                earlier: "rollout.argoproj.io/revision-history",
            }),
            Kind::StatefulSet | Kind::DaemonSet | Kind::Service => None,
        }
    }

    fn present(self, annotations: &BTreeMap<String, String>) -> Option<i64> {
        annotations.get(self.present)?.parse().ok()
    }

    /// Empty until the revision is rolled back to; `None` if one of them is no number.
    fn earlier(self, annotations: &BTreeMap<String, String>) -> Option<Vec<i64>> {
        let Some(list) = annotations
            .get(self.earlier)
            .filter(|list| !list.is_empty())
        else {
            return Some(Vec::new());
        };
        list.split(',').map(|number| number.parse().ok()).collect()
    }
}

#[cfg(test)]
mod tests {
    use rollgate_model::Order;
    use serde_json::{Value, json};

    use super::*;

    fn owner() -> Owner {
        Owner {
            kind: Kind::Deployment,
            namespace: "shop".into(),
            name: "cart".into(),
            created: Some("2026-01-01T00:00:00Z".parse().expect("an instant")),
            uid: Some("u-1".into()),
            labels: Vec::new(),
        }
    }

    fn replica_set(hash: &str, annotations: &Value) -> Value {
        json!({
            "metadata": {
                "name": format!("cart-{hash}"),
                "creationTimestamp": "2026-01-01T00:00:00Z",
                "labels": {"pod-template-hash": hash},
                "annotations": annotations,
                "ownerReferences": [{
                    "apiVersion": "apps/v1", "kind": "Deployment", "name": "cart",
                    "uid": "u-1", "controller": true,
                }],
            },
            "spec": {"template": {"metadata": {"labels": {"app": "cart"}}}},
        })
    }

    fn item(object: Value) -> Item {
        serde_json::from_value(object).expect("a ReplicaSet")
    }

    fn owned(hash: &str, annotations: &Value) -> Revision {
        item(replica_set(hash, annotations)).owned_by(&owner())
    }

    #[test]
    fn lowest_of_both_annotations_is_the_number_of_its_creation() {
        let undone = owned(
            "aaa",
            &json!({
                "deployment.kubernetes.io/revision": "5",
                "deployment.kubernetes.io/revision-history": "1,3",
            }),
        );
        assert_eq!((undone.number, undone.first_number()), (Some(5), Some(1)));
        let plain = owned("bbb", &json!({"deployment.kubernetes.io/revision": "2"}));
        assert_eq!((plain.number, plain.first_number()), (Some(2), Some(2)));
        assert_eq!(undone.creation_order(&plain), Order::Before);
    }

    #[test]
    fn numbers_of_another_controller_are_copied_from_the_workload_and_do_not_count() {
        let copied = owned(
            "aaa",
            &json!({
                "deployment.kubernetes.io/revision": "5",
                "rollout.argoproj.io/revision": "1",
                "rollout.argoproj.io/revision-history": "1",
            }),
        );
        assert_eq!((copied.number, copied.first_number()), (Some(5), Some(5)));
    }

    #[test]
    fn malformed_history_annotation_leaves_the_first_number_unknown() {
        let odd = owned(
            "aaa",
            &json!({
                "deployment.kubernetes.io/revision": "5",
                "deployment.kubernetes.io/revision-history": "1,x",
            }),
        );
        assert_eq!((odd.number, odd.first_number()), (Some(5), None));
    }

    #[test]
    fn replica_set_behind_a_service_counts_if_a_controller_named_it() {
        let made = item(replica_set("aaa", &json!({}))).served();
        assert_eq!((made.flaw, made.owner.as_deref()), (None, Some("u-1")));
        let mut renamed = replica_set("aaa", &json!({}));
        renamed["metadata"]["name"] = "cart-evil".into();
        let mut bare = replica_set("aaa", &json!({}));
        bare["metadata"]["ownerReferences"] = json!([]);
        for odd in [renamed, bare] {
            let flaw = item(odd).served().flaw;
            assert_eq!(flaw, Some(Flaw::NotNamedByController));
        }
    }
}
