//! Which rollouts a policy judges, prepared so that the request path only compares.

use std::collections::BTreeSet;
use std::sync::Arc;

use rollgate_model::{Change, Kind, Rollout, Workload};

use super::selector::Selector;
use crate::sources::Labels;

/// Which rollouts a policy judges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    kinds: Kinds,
    changes: Set,
    namespaces: Option<BTreeSet<String>>,
    exclude_namespaces: BTreeSet<String>,
    namespace_labels: Selector,
    labels: Selector,
}

/// What is known of the labels of the namespace that a change is in.
#[derive(Clone, Debug)]
pub enum NamespaceLabels {
    /// No policy selects namespaces, so nobody asked for them.
    NotNeeded,
    /// These.
    Known(Arc<Labels>),
    /// They could not be read. Every policy that selects namespaces counts as selecting this one:
    /// a policy too many may hold a rollout, one too few lets it pass.
    Unknown {
        /// Why, in words that fit after "because".
        why: String,
    },
}

/// A change, as far as it matters for which policies judge it.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// Its class; `None` where it is no rollout.
    pub change: Option<Change>,
    /// The object as it is.
    pub old: Option<&'a Arc<Workload>>,
    /// The object as it would become.
    pub new: Option<&'a Arc<Workload>>,
    /// The labels of its namespace.
    pub namespace: &'a NamespaceLabels,
}

impl<'a> Candidate<'a> {
    /// A rollout in a namespace with these labels.
    #[must_use]
    pub fn of(rollout: &'a Rollout, namespace: &'a NamespaceLabels) -> Self {
        Self {
            change: rollout.class(),
            old: rollout.old(),
            new: rollout.new(),
            namespace,
        }
    }
}

/// Whether, and as what, a policy judges a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matching {
    /// It does not.
    No,
    /// As what it was classified as.
    AsClassified,
    /// As a roll-forward, whatever it is: it takes the workload out of the labels that the policy
    /// matches by, so this is the last time that the policy is asked.
    Leaving,
}

impl Default for Match {
    /// Every kind and namespace, and [`Change::DEFAULT_MATCH`].
    fn default() -> Self {
        Self {
            kinds: Kinds::Every,
            changes: Change::DEFAULT_MATCH.into_iter().collect(),
            namespaces: None,
            exclude_namespaces: BTreeSet::new(),
            namespace_labels: Selector::default(),
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

    /// Only namespaces with these labels.
    #[must_use]
    pub fn namespace_labels(self, namespace_labels: Selector) -> Self {
        Self {
            namespace_labels,
            ..self
        }
    }

    /// Only objects with these labels.
    #[must_use]
    pub fn labels(self, labels: Selector) -> Self {
        Self { labels, ..self }
    }

    /// Says whether, and as what, the policy judges a change.
    #[must_use]
    pub fn matching(&self, candidate: Candidate<'_>) -> Matching {
        let Candidate {
            change, old, new, ..
        } = candidate;
        if !self.is_in_place(candidate) {
            Matching::No
        } else if self.is_left(old, new) {
            Matching::Leaving
        } else if change.is_some_and(|change| self.judges_change(change, old, new)) {
            Matching::AsClassified
        } else {
            Matching::No
        }
    }

    /// Whether it takes the labels of a namespace to say whether the policy judges a change there.
    #[must_use]
    pub fn selects_namespaces(&self) -> bool {
        !self.namespace_labels.is_empty()
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

    /// Whether an update can take an object of this kind out of the labels that the policy matches
    /// by.
    #[must_use]
    pub fn can_be_left_by(&self, kind: Kind) -> bool {
        self.kinds.include(kind, || true) && !self.labels.is_empty()
    }

    /// The only namespaces with rollouts that it judges; `None` where that may be any.
    #[must_use]
    pub const fn only_namespaces(&self) -> Option<&BTreeSet<String>> {
        self.namespaces.as_ref()
    }

    /// The labels of the namespaces with rollouts that it judges.
    #[must_use]
    pub const fn namespace_selector(&self) -> &Selector {
        &self.namespace_labels
    }

    /// The labels of the objects that it judges.
    #[must_use]
    pub const fn object_selector(&self) -> &Selector {
        &self.labels
    }

    fn judges_change(
        &self,
        change: Change,
        old: Option<&Arc<Workload>>,
        new: Option<&Arc<Workload>>,
    ) -> bool {
        let kind =
            |object: &Arc<Workload>| self.kinds.include(object.kind(), || is_switched(old, new));
        self.changes.contains(change) && new.or(old).is_some_and(kind) && self.has_labels(old, new)
    }

    fn is_in_place(&self, candidate: Candidate<'_>) -> bool {
        let Candidate {
            old,
            new,
            namespace,
            ..
        } = candidate;
        let subject = new.or(old);
        subject.is_some_and(|object| {
            self.kinds.include(object.kind(), || true) && self.in_namespace(object.namespace())
        }) && self.selects_namespace(namespace)
    }

    fn in_namespace(&self, namespace: &str) -> bool {
        self.namespaces
            .as_ref()
            .is_none_or(|some| some.contains(namespace))
            && !self.exclude_namespaces.contains(namespace)
    }

    fn selects_namespace(&self, namespace: &NamespaceLabels) -> bool {
        !self.selects_namespaces()
            || match namespace {
                NamespaceLabels::Known(labels) => self.namespace_labels.selects(labels),
                NamespaceLabels::Unknown { .. } | NamespaceLabels::NotNeeded => true,
            }
    }

    /// What is being deleted leaves nothing: its finalizers must not wait for a policy.
    fn is_left(&self, old: Option<&Arc<Workload>>, new: Option<&Arc<Workload>>) -> bool {
        let (Some(old), Some(new)) = (old, new) else {
            return false;
        };
        let selects = |object: &Workload| self.labels.selects(object.labels());
        !self.labels.is_empty() && selects(old) && !selects(new) && !new.is_being_deleted()
    }

    /// The old object's labels count too: of a deletion they are all there is.
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
    use rollgate_model::{Request, Revisions};
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
        let request = Request::of_objects(old, new).expect("an object");
        let classified = request.classify_with(&Revisions::Known(Vec::new()));
        let classified = classified.expect("valid objects");
        classified.into_rollout().expect("a rollout")
    }

    fn creation() -> Rollout {
        rollout(None, Some(deployment(&json!({}), "web:1")))
    }

    fn names<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
        names.map(str::to_owned).into()
    }

    static NOT_NEEDED: NamespaceLabels = NamespaceLabels::NotNeeded;

    fn judges(policy: &Match, rollout: &Rollout) -> bool {
        policy.matching(Candidate::of(rollout, &NOT_NEEDED)) != Matching::No
    }

    #[test]
    fn without_restrictions_a_policy_judges_what_starts_something_new_and_no_deletion() {
        assert!(judges(&Match::default(), &creation()));
        let deletion = rollout(Some(deployment(&json!({}), "web:1")), None);
        assert!(!judges(&Match::default(), &deletion));
        assert!(judges(
            &Match::default().changes([Change::Delete]),
            &deletion
        ));
    }

    #[test]
    fn a_kind_or_change_that_is_not_listed_is_not_judged() {
        let kinds = |kinds: &[Kind]| Match::default().kinds(kinds.iter().copied());
        assert!(judges(
            &kinds(&[Kind::DaemonSet, Kind::Deployment]),
            &creation()
        ));
        assert!(!judges(&kinds(&[Kind::DaemonSet]), &creation()));
        assert!(!judges(
            &Match::default().changes([Change::Rollback]),
            &creation()
        ));
    }

    #[test]
    fn an_excluded_namespace_is_left_alone_even_where_it_is_listed() {
        let listed = Match::default().namespaces(names(["shop", "bank"]));
        assert!(judges(&listed, &creation()));
        assert!(!judges(
            &listed.exclude_namespaces(names(["shop"])),
            &creation()
        ));
        assert!(!judges(
            &Match::default().namespaces(names(["bank"])),
            &creation()
        ));
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
            [&new, &retyped, &switched].map(|change| judges(&silent, change)),
            [false, false, true]
        );
        let naming = Match::default().kinds([Kind::Service]);
        assert!(
            [&new, &retyped, &switched]
                .iter()
                .all(|change| judges(&naming, change))
        );
        let another = Match::default().kinds([Kind::Deployment]);
        assert!(
            ![&new, &retyped, &switched]
                .iter()
                .any(|change| judges(&another, change))
        );
    }

    #[test]
    fn a_policy_that_selects_namespaces_judges_those_with_the_labels() {
        let production = Match::default().namespace_labels(tier("production"));
        let known = |labels: &[(String, String)]| NamespaceLabels::Known(labels.into());
        let matching = |labels| production.matching(Candidate::of(&creation(), &labels));
        let tier = |value: &str| known(&[("tier".to_owned(), value.to_owned())]);
        assert_eq!(matching(tier("production")), Matching::AsClassified);
        assert_eq!(matching(tier("staging")), Matching::No);
        assert_eq!(matching(known(&[])), Matching::No);
    }

    #[test]
    fn a_policy_that_selects_namespaces_judges_those_whose_labels_are_not_known() {
        let production = Match::default().namespace_labels(tier("production"));
        let why = "the API server did not answer in time".to_owned();
        let unknown = NamespaceLabels::Unknown { why };
        let matching = production.matching(Candidate::of(&creation(), &unknown));
        assert_eq!(matching, Matching::AsClassified);
    }

    /// Every class an update can be of, a change that is no rollout among them.
    const CLASSES: [Option<Change>; 7] = [
        None,
        Some(Change::Restart),
        Some(Change::Rollback),
        Some(Change::RollForward),
        Some(Change::Resume),
        Some(Change::Release),
        Some(Change::Scale),
    ];

    fn relabelled(policy: &Match, old: &Value, new: &Value) -> [Matching; 7] {
        let update = rollout(
            Some(deployment(old, "web:1")),
            Some(deployment(new, "web:2")),
        );
        CLASSES.map(|change| {
            policy.matching(Candidate {
                change,
                ..Candidate::of(&update, &NOT_NEEDED)
            })
        })
    }

    #[test]
    fn a_policy_judges_whatever_takes_a_workload_out_of_its_labels() {
        let policy = Match::default().labels(tier("critical"));
        let (with, without) = (json!({"tier": "critical"}), json!({}));
        let other = json!({"tier": "web"});
        assert_eq!(relabelled(&policy, &with, &without), [Matching::Leaving; 7]);
        assert_eq!(relabelled(&policy, &with, &other), [Matching::Leaving; 7]);
        assert_eq!(relabelled(&policy, &other, &without), [Matching::No; 7]);
        let entering = relabelled(&policy, &without, &with);
        assert_eq!(entering[0], Matching::No);
        assert_eq!(entering[3], Matching::AsClassified);
    }

    #[test]
    fn a_label_that_a_policy_excludes_takes_a_workload_out_of_it_as_well() {
        let exempt = Requirement::DoesNotExist("exempt".to_owned());
        let policy = Match::default().labels(Selector::new(vec![exempt]));
        let (plain, exempt) = (json!({}), json!({"exempt": "yes"}));
        assert_eq!(relabelled(&policy, &plain, &exempt), [Matching::Leaving; 7]);
        assert_eq!(relabelled(&policy, &exempt, &exempt), [Matching::No; 7]);
    }

    #[test]
    fn a_workload_that_is_being_deleted_leaves_no_policy() {
        let policy = Match::default().labels(tier("critical"));
        let mut new = deployment(&json!({}), "web:1");
        new["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        new["spec"]["template"]["spec"]["containers"][0]["image"] = json!("web:2");
        let old = deployment(&json!({"tier": "critical"}), "web:1");
        let update = rollout(Some(old), Some(new));
        let finalized = Candidate {
            change: None,
            ..Candidate::of(&update, &NOT_NEEDED)
        };
        assert_eq!(policy.matching(finalized), Matching::No);
    }

    fn tier(value: &'static str) -> Selector {
        Selector::new(vec![Requirement::In("tier".to_owned(), names([value]))])
    }
}
