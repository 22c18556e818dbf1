//! A ReplicaSet or ControllerRevision as the API server has it, and what it is of a workload.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rollgate_model::{Flaw, Kind, Owner, Revision};
use serde::Deserialize;
use serde_json::Value;

/// What matters of a ReplicaSet or ControllerRevision.
#[derive(Deserialize)]
pub(super) struct Item {
    pub(super) metadata: Metadata,
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
pub(super) struct Metadata {
    name: String,
    creation_timestamp: Timestamp,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
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

impl Metadata {
    /// The owner that controls it; the API server lets no object have two.
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
    /// The kind of the owner, where its controller makes ReplicaSets.
    fn kind(&self) -> Option<Kind> {
        Kind::of(&self.api_version, &self.kind)
            .filter(|kind| matches!(kind, Kind::Deployment | Kind::Rollout))
    }
}

impl Item {
    /// Whether it is a ReplicaSet whose Pods this selector selects.
    pub(super) fn makes_pods(&self, selector: &[(String, String)]) -> bool {
        let template = self.spec.as_ref().map(|spec| &spec.template);
        let labels = template.and_then(|template| template.pointer("/metadata/labels"));
        let has = |key: &str, value: &str| {
            labels.and_then(|labels| labels.get(key)?.as_str()) == Some(value)
        };
        !selector.is_empty() && selector.iter().all(|(key, value)| has(key, value))
    }

    /// It as a revision of the workload that controls it.
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

    /// It as a revision of whatever controls it.
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

/// The annotations in which a controller numbers its ReplicaSets. Those of another controller are
/// copied from the workload, where anybody may have written them.
#[derive(Clone, Copy)]
struct Numbers {
    present: &'static str,
    earlier: &'static str,
}

impl Numbers {
    /// A ControllerRevision has its number in a field, and its earlier ones nowhere.
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

    /// None at all until it is rolled back to; `None` where one of them is no number.
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
    use serde_json::json;

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
    fn history_that_is_no_list_of_numbers_tells_no_first_number() {
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
    fn replica_set_behind_a_service_counts_where_a_controller_named_it() {
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
