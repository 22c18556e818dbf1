//! Which rollouts a policy judges, prepared so that the request path only compares.

use std::collections::BTreeSet;
use std::sync::Arc;

use rollgate_model::{Change, Kind, Rollout, Workload};

use super::selector::Selector;

/// Which rollouts a policy judges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    kinds: Kinds,
    changes: Set,
    namespaces: Option<BTreeSet<String>>,
    exclude_namespaces: BTreeSet<String>,
    labels: Selector,
}

impl Default for Match {
    /// Every kind and namespace, and [`Change::DEFAULT_MATCH`].
    fn default() -> Self {
        Self {
            kinds: Kinds::Every,
            changes: Change::DEFAULT_MATCH.into_iter().collect(),
            namespaces: None,
            exclude_namespaces: BTreeSet::new(),
            labels: Selector::default(),
        }
    }
}

impl Match {
    /// Only these kinds.
    #[must_use]
    pub fn kinds(self, kinds: impl IntoIterator<Item = Kind>) -> Self {
        Self {
            kinds: Kinds::Named(kinds.into_iter().collect()),
            ..self
        }
    }

    /// Only these changes.
    #[must_use]
    pub fn changes(self, changes: impl IntoIterator<Item = Change>) -> Self {
        Self {
            changes: changes.into_iter().collect(),
            ..self
        }
    }

    /// Only these namespaces.
    #[must_use]
    pub fn namespaces(self, namespaces: BTreeSet<String>) -> Self {
        Self {
            namespaces: Some(namespaces),
            ..self
        }
    }

    /// Not these namespaces, whatever [`Match::namespaces`] says.
    #[must_use]
    pub fn exclude_namespaces(self, namespaces: BTreeSet<String>) -> Self {
        Self {
            exclude_namespaces: namespaces,
            ..self
        }
    }

    /// Only objects with these labels.
    #[must_use]
    pub fn labels(self, labels: Selector) -> Self {
        Self { labels, ..self }
    }

    /// Whether the policy judges this rollout.
    #[must_use]
    pub fn holds(&self, rollout: &Rollout) -> bool {
        self.would_hold(rollout.change(), rollout.old(), rollout.new())
    }

    /// Whether the policy would judge a change of this class of these objects.
    #[must_use]
    pub fn would_hold(
        &self,
        change: Change,
        old: Option<&Arc<Workload>>,
        new: Option<&Arc<Workload>>,
    ) -> bool {
        let place = |object: &Arc<Workload>| {
            self.kinds.include(object.kind(), || is_switched(old, new))
                && self.in_namespace(object.namespace())
        };
        self.changes.contains(change) && new.or(old).is_some_and(place) && self.has_labels(old, new)
    }

    /// Whether there are rollouts of this kind and class that the policy judges.
    #[must_use]
    pub fn judges(&self, kind: Kind, change: Change) -> bool {
        let by_selector = || matches!(change, Change::Release | Change::Rollback);
        self.kinds.include(kind, by_selector) && self.changes.contains(change)
    }

    /// Whether the policy names this kind, and so judges all that can be judged of it.
    #[must_use]
    pub fn names(&self, kind: Kind) -> bool {
        matches!(self.kinds, Kinds::Named(kinds) if kinds.contains(kind))
    }

    /// The only namespaces with rollouts that it judges; `None` where that may be any.
    #[must_use]
    pub const fn only_namespaces(&self) -> Option<&BTreeSet<String>> {
        self.namespaces.as_ref()
    }

    fn in_namespace(&self, namespace: &str) -> bool {
        self.namespaces
            .as_ref()
            .is_none_or(|some| some.contains(namespace))
            && !self.exclude_namespaces.contains(namespace)
    }

    /// The old object's labels count too: dropping a label is no way out.
    fn has_labels(&self, old: Option<&Arc<Workload>>, new: Option<&Arc<Workload>>) -> bool {
        let selects = |object: &Arc<Workload>| self.labels.selects(object.labels());
        self.labels.is_empty() || new.is_some_and(selects) || old.is_some_and(selects)
    }
}

/// Which kinds a policy judges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kinds {
    /// The policy names none. Services come and go with every application, so of these it judges
    /// only those whose selector changes.
    Every,
    Named(Set),
}

impl Kinds {
    /// `switched` tells whether a Service has another selector.
    fn include(self, kind: Kind, switched: impl FnOnce() -> bool) -> bool {
        match self {
            Self::Every => kind != Kind::Service || switched(),
            Self::Named(kinds) => kinds.contains(kind),
        }
    }
}

fn is_switched(old: Option<&Arc<Workload>>, new: Option<&Arc<Workload>>) -> bool {
    old.zip(new)
        .is_some_and(|(old, new)| old.selector() != new.selector())
}

/// A set of the cases of a small enum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Set(u32);

impl Set {
    fn contains(self, case: impl Case) -> bool {
        self.0 & (1 << case.number()) != 0
    }
}

impl<C: Case> FromIterator<C> for Set {
    fn from_iter<I: IntoIterator<Item = C>>(cases: I) -> Self {
        Self(
            cases
                .into_iter()
                .fold(0, |set, case| set | 1 << case.number()),
        )
    }
}

/// A case of an enum of fewer than 32.
trait Case {
    fn number(self) -> u32;
}

impl Case for Kind {
    fn number(self) -> u32 {
        self as u32
    }
}

impl Case for Change {
    fn number(self) -> u32 {
        self as u32
    }
}

#[cfg(test)]
mod tests {
    use rollgate_model::{Asker, Operation, Request, Reviewed, Revisions, SubResource};
    use serde_json::{Value, json};

    use super::super::Requirement;
    use super::*;

    fn deployment(labels: &Value, image: &str) -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "cart", "namespace": "shop", "labels": labels},
            "spec": {
                "selector": {"matchLabels": {"app": "cart"}},
                "template": {
                    "metadata": {"labels": {"app": "cart"}},
                    "spec": {"containers": [{"name": "web", "image": image}]},
                },
            },
        })
    }

    fn rollout(old: Option<Value>, new: Option<Value>) -> Rollout {
        let request = Request {
            operation: match (&old, &new) {
                (None, _) => Operation::Create,
                (Some(_), Some(_)) => Operation::Update,
                (Some(_), None) => Operation::Delete,
            },
            sub_resource: SubResource::None,
            namespace: None,
            user: String::new(),
            groups: Vec::new(),
            asker: Asker::Other,
            dry_run: false,
            object: new,
            old_object: old,
        };
        match Rollout::from_request(request, &Revisions::Known(Vec::new())).expect("sound objects")
        {
            Reviewed::Rollout(rollout) => *rollout,
            Reviewed::NotARollout { why } => panic!("no rollout: {why}"),
        }
    }

    fn creation() -> Rollout {
        rollout(None, Some(deployment(&json!({}), "web:1")))
    }

    fn names<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
        names.map(str::to_owned).into()
    }

    #[test]
    fn without_restrictions_a_policy_judges_what_starts_something_new_and_no_deletion() {
        assert!(Match::default().holds(&creation()));
        let deletion = rollout(Some(deployment(&json!({}), "web:1")), None);
        assert!(!Match::default().holds(&deletion));
        assert!(Match::default().changes([Change::Delete]).holds(&deletion));
    }

    #[test]
    fn a_kind_or_change_that_is_not_listed_is_not_judged() {
        assert!(
            Match::default()
                .kinds([Kind::DaemonSet, Kind::Deployment])
                .holds(&creation())
        );
        assert!(!Match::default().kinds([Kind::DaemonSet]).holds(&creation()));
        assert!(
            !Match::default()
                .changes([Change::Rollback])
                .holds(&creation())
        );
    }

    #[test]
    fn an_excluded_namespace_is_left_alone_even_where_it_is_listed() {
        let listed = Match::default().namespaces(names(["shop", "bank"]));
        assert!(listed.holds(&creation()));
        assert!(
            !listed
                .exclude_namespaces(names(["shop"]))
                .holds(&creation())
        );
        assert!(
            !Match::default()
                .namespaces(names(["bank"]))
                .holds(&creation())
        );
    }

    fn service(selector: &str, kind: &str) -> Value {
        json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": "cart", "namespace": "shop"},
            "spec": {"type": kind, "selector": {"app": selector}, "externalName": ""},
        })
    }

    #[test]
    fn new_or_retyped_service_is_judged_only_by_a_policy_that_names_services() {
        let before = || Some(service("cart", "ClusterIP"));
        let new = rollout(None, before());
        let retyped = rollout(before(), Some(service("cart", "ExternalName")));
        let switched = rollout(before(), Some(service("other", "ClusterIP")));
        let silent = Match::default();
        assert_eq!(
            [&new, &retyped, &switched].map(|change| silent.holds(change)),
            [false, false, true]
        );
        let naming = Match::default().kinds([Kind::Service]);
        assert!(
            [&new, &retyped, &switched]
                .iter()
                .all(|change| naming.holds(change))
        );
        let another = Match::default().kinds([Kind::Deployment]);
        assert!(
            ![&new, &retyped, &switched]
                .iter()
                .any(|change| another.holds(change))
        );
    }

    #[test]
    fn dropping_a_label_is_no_way_out() {
        let critical = Selector::new(vec![Requirement::In(
            "tier".to_owned(),
            names(["critical"]),
        )]);
        let policy = Match::default().labels(critical);
        let (with, without) = (json!({"tier": "critical"}), json!({}));
        let update = |old, new| {
            rollout(
                Some(deployment(old, "web:1")),
                Some(deployment(new, "web:2")),
            )
        };
        assert!(policy.holds(&update(&with, &without)));
        assert!(policy.holds(&update(&without, &with)));
        assert!(!policy.holds(&update(&without, &without)));
    }
}
