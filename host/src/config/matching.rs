//! Which rollouts a policy evaluates, compiled so that a request needs only comparisons.

use std::collections::BTreeSet;
use std::sync::Arc;

use rollgate_model::{Change, Kind, Rollout, Workload};

use super::selector::Selector;
use crate::sources::Labels;

/// Which rollouts a policy evaluates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    kinds: Kinds,
    changes: Set,
    namespaces: Option<BTreeSet<String>>,
    exclude_namespaces: BTreeSet<String>,
    namespace_labels: Selector,
    labels: Selector,
}

/// The labels of the namespace of a change, as far as they are known.
#[derive(Clone, Debug)]
pub enum NamespaceLabels {
    /// No policy selects namespaces, so they were not read.
    NotNeeded,
    /// The labels.
    Known(Arc<Labels>),
    /// The labels could not be read. Every policy that selects namespaces matches this one: a policy too
    /// many may stop a rollout, one too few lets it pass.
    Unknown {
        /// Why, as text that can follow "because".
        why: String,
    },
}

/// The parts of a change that decide which policies match.
#[derive(Clone, Copy, Debug)]
pub struct MatchInput<'a> {
    /// Its class; `None` if it is no rollout.
    pub change: Option<Change>,
    /// The object before the change.
    pub old: Option<&'a Arc<Workload>>,
    /// The object after the change.
    pub new: Option<&'a Arc<Workload>>,
    /// The labels of its namespace.
    pub namespace: &'a NamespaceLabels,
}

impl<'a> MatchInput<'a> {
    /// Creates the input for a rollout in a namespace with these labels.
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

/// Whether a policy matches a change, and how the policy sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matching {
    /// The policy does not match.
    No,
    /// The policy sees the change as classified.
    AsClassified,
    /// The policy sees a roll-forward, whatever the change is: the change takes the workload out of the
    /// labels that the policy matches, so this is the last time that the policy is evaluated.
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
    pub(crate) fn kinds(self, kinds: impl IntoIterator<Item = Kind>) -> Self {
        Self {
            kinds: Kinds::Named(kinds.into_iter().collect()),
            ..self
        }
    }

    /// Only these changes.
    #[must_use]
    pub(crate) fn changes(self, changes: impl IntoIterator<Item = Change>) -> Self {
        Self {
            changes: changes.into_iter().collect(),
            ..self
        }
    }

    /// Only these namespaces.
    #[must_use]
    pub(crate) fn namespaces(self, namespaces: BTreeSet<String>) -> Self {
        Self {
            namespaces: Some(namespaces),
            ..self
        }
    }

    /// Not these namespaces, whatever [`Match::namespaces`] says.
    #[must_use]
    pub(crate) fn exclude_namespaces(self, namespaces: BTreeSet<String>) -> Self {
        Self {
            exclude_namespaces: namespaces,
            ..self
        }
    }

    /// Only namespaces with these labels.
    #[must_use]
    pub(crate) fn namespace_labels(self, namespace_labels: Selector) -> Self {
        Self {
            namespace_labels,
            ..self
        }
    }

    /// Only objects with these labels.
    #[must_use]
    pub(crate) fn labels(self, labels: Selector) -> Self {
        Self { labels, ..self }
    }

    /// Returns whether the policy matches a change, and how it sees the change.
    #[must_use]
    pub fn matching(&self, input: MatchInput<'_>) -> Matching {
        let MatchInput {
            change, old, new, ..
        } = input;
        if !self.matches_location(input) {
            Matching::No
        } else if self.is_left(old, new) {
            Matching::Leaving
        } else if change.is_some_and(|change| self.matches_change(change, old, new)) {
            Matching::AsClassified
        } else {
            Matching::No
        }
    }

    /// Whether the policy selects namespaces by their labels.
    #[must_use]
    pub(crate) fn selects_namespaces(&self) -> bool {
        !self.namespace_labels.is_empty()
    }

    /// Whether the policy can match rollouts of this kind and class.
    #[must_use]
    pub(crate) fn can_match(&self, kind: Kind, change: Change) -> bool {
        let by_selector = || matches!(change, Change::Release | Change::Rollback);
        self.kinds.include(kind, by_selector) && self.changes.contains(change)
    }

    /// Whether the policy can match any change of an object of this kind.
    #[must_use]
    pub(super) fn includes(&self, kind: Kind) -> bool {
        self.kinds.include(kind, || true)
    }

    /// Whether the policy can match an Argo Rollout that gets another Pod template.
    #[must_use]
    pub(crate) fn can_match_templates_of_rollouts(&self) -> bool {
        let mut changes = Change::OF_TEMPLATE.into_iter();
        changes.any(|change| self.can_match(Kind::Rollout, change))
    }

    /// Whether the policy names this kind, and so matches all rollouts of it.
    #[must_use]
    pub(crate) fn names(&self, kind: Kind) -> bool {
        matches!(self.kinds, Kinds::Named(kinds) if kinds.contains(kind))
    }

    /// Whether an update can take an object of this kind out of the labels that the policy matches.
    #[must_use]
    pub(crate) fn can_be_left_by(&self, kind: Kind) -> bool {
        self.includes(kind) && !self.labels.is_empty()
    }

    /// Returns the only namespaces that it matches; `None` for any.
    #[must_use]
    pub(crate) const fn only_namespaces(&self) -> Option<&BTreeSet<String>> {
        self.namespaces.as_ref()
    }

    /// Returns the label selector for namespaces.
    #[must_use]
    pub(crate) const fn namespace_selector(&self) -> &Selector {
        &self.namespace_labels
    }

    /// Returns the label selector for objects.
    #[must_use]
    pub(crate) const fn object_selector(&self) -> &Selector {
        &self.labels
    }

    fn matches_change(
        &self,
        change: Change,
        old: Option<&Arc<Workload>>,
        new: Option<&Arc<Workload>>,
    ) -> bool {
        let kind =
            |object: &Arc<Workload>| self.kinds.include(object.kind(), || is_switched(old, new));
        self.changes.contains(change) && new.or(old).is_some_and(kind) && self.has_labels(old, new)
    }

    fn matches_location(&self, input: MatchInput<'_>) -> bool {
        let MatchInput {
            old,
            new,
            namespace,
            ..
        } = input;
        let subject = new.or(old);
        subject.is_some_and(|object| {
            self.includes(object.kind()) && self.in_namespace(object.namespace())
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

    /// A workload that is being deleted does not leave: its finalizers must not wait for a policy.
    fn is_left(&self, old: Option<&Arc<Workload>>, new: Option<&Arc<Workload>>) -> bool {
        let (Some(old), Some(new)) = (old, new) else {
            return false;
        };
        let selects = |object: &Workload| self.labels.selects(object.labels());
        !self.labels.is_empty() && selects(old) && !selects(new) && !new.is_being_deleted()
    }

    /// The old object's labels count too: a deletion has no new object.
    fn has_labels(&self, old: Option<&Arc<Workload>>, new: Option<&Arc<Workload>>) -> bool {
        let selects = |object: &Arc<Workload>| self.labels.selects(object.labels());
        self.labels.is_empty() || new.is_some_and(selects) || old.is_some_and(selects)
    }
}

/// Which kinds a policy matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kinds {
    /// The policy names no kinds. Services are created and deleted with every application, so it matches
    /// only Services whose selector changes.
    Every,
    Named(Set),
}

impl Kinds {
    /// `switched` returns whether the selector of a Service changes.
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

/// A set of variants of a small enum.
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

/// An enum with fewer than 32 variants.
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

    fn matches(policy: &Match, rollout: &Rollout) -> bool {
        policy.matching(MatchInput::of(rollout, &NOT_NEEDED)) != Matching::No
    }

    #[test]
    fn unrestricted_policy_matches_creations_but_no_deletions() {
        assert!(matches(&Match::default(), &creation()));
        let deletion = rollout(Some(deployment(&json!({}), "web:1")), None);
        assert!(!matches(&Match::default(), &deletion));
        assert!(matches(
            &Match::default().changes([Change::Delete]),
            &deletion
        ));
    }

    #[test]
    fn unlisted_kind_or_change_does_not_match() {
        let kinds = |kinds: &[Kind]| Match::default().kinds(kinds.iter().copied());
        assert!(matches(
            &kinds(&[Kind::DaemonSet, Kind::Deployment]),
            &creation()
        ));
        assert!(!matches(&kinds(&[Kind::DaemonSet]), &creation()));
        assert!(!matches(
            &Match::default().changes([Change::Rollback]),
            &creation()
        ));
    }

    #[test]
    fn excluded_namespace_does_not_match_even_if_listed() {
        let listed = Match::default().namespaces(names(["shop", "bank"]));
        assert!(matches(&listed, &creation()));
        assert!(!matches(
            &listed.exclude_namespaces(names(["shop"])),
            &creation()
        ));
        assert!(!matches(
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
    fn new_or_retyped_service_matches_only_policies_that_name_services() {
        let before = || Some(service("cart", "ClusterIP"));
        let new = rollout(None, before());
        let retyped = rollout(before(), Some(service("cart", "ExternalName")));
        let switched = rollout(before(), Some(service("other", "ClusterIP")));
        let silent = Match::default();
        assert_eq!(
            [&new, &retyped, &switched].map(|change| matches(&silent, change)),
            [false, false, true]
        );
        let naming = Match::default().kinds([Kind::Service]);
        assert!(
            [&new, &retyped, &switched]
                .iter()
                .all(|change| matches(&naming, change))
        );
        let another = Match::default().kinds([Kind::Deployment]);
        assert!(
            ![&new, &retyped, &switched]
                .iter()
                .any(|change| matches(&another, change))
        );
    }

    #[test]
    fn namespace_selector_matches_namespaces_with_the_labels() {
        let production = Match::default().namespace_labels(tier("production"));
        let known = |labels: &[(String, String)]| NamespaceLabels::Known(labels.into());
        let matching = |labels| production.matching(MatchInput::of(&creation(), &labels));
        let tier = |value: &str| known(&[("tier".to_owned(), value.to_owned())]);
        assert_eq!(matching(tier("production")), Matching::AsClassified);
        assert_eq!(matching(tier("staging")), Matching::No);
        assert_eq!(matching(known(&[])), Matching::No);
    }

    #[test]
    fn namespace_selector_matches_namespaces_with_unknown_labels() {
        let production = Match::default().namespace_labels(tier("production"));
        let why = "the API server did not answer in time".to_owned();
        let unknown = NamespaceLabels::Unknown { why };
        let matching = production.matching(MatchInput::of(&creation(), &unknown));
        assert_eq!(matching, Matching::AsClassified);
    }

    /// Every class of an update, and an update that is no rollout.
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
            policy.matching(MatchInput {
                change,
                ..MatchInput::of(&update, &NOT_NEEDED)
            })
        })
    }

    #[test]
    fn update_that_takes_a_workload_out_of_the_labels_matches_as_leaving() {
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
    fn update_that_adds_an_excluded_label_matches_as_leaving() {
        let exempt = Requirement::DoesNotExist("exempt".to_owned());
        let policy = Match::default().labels(Selector::new(vec![exempt]));
        let (plain, exempt) = (json!({}), json!({"exempt": "yes"}));
        assert_eq!(relabelled(&policy, &plain, &exempt), [Matching::Leaving; 7]);
        assert_eq!(relabelled(&policy, &exempt, &exempt), [Matching::No; 7]);
    }

    #[test]
    fn workload_that_is_being_deleted_does_not_match_as_leaving() {
        let policy = Match::default().labels(tier("critical"));
        let mut new = deployment(&json!({}), "web:1");
        new["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        new["spec"]["template"]["spec"]["containers"][0]["image"] = json!("web:2");
        let old = deployment(&json!({"tier": "critical"}), "web:1");
        let update = rollout(Some(old), Some(new));
        let finalized = MatchInput {
            change: None,
            ..MatchInput::of(&update, &NOT_NEEDED)
        };
        assert_eq!(policy.matching(finalized), Matching::No);
    }

    fn tier(value: &'static str) -> Selector {
        Selector::new(vec![Requirement::In("tier".to_owned(), names([value]))])
    }
}
