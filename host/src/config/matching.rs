//! Which rollouts a policy judges, prepared so that the request path only compares.

use std::collections::BTreeSet;
use std::sync::Arc;

use rollgate_model::{Change, Kind, Rollout, Workload};

use super::selector::Selector;

/// Which rollouts a policy judges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    kinds: Set,
    changes: Set,
    namespaces: Option<BTreeSet<String>>,
    exclude_namespaces: BTreeSet<String>,
    labels: Selector,
}

impl Default for Match {
    /// Every kind and namespace, and [`Change::DEFAULT_MATCH`].
    fn default() -> Self {
        Self {
            kinds: Set::ALL,
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
            kinds: kinds.into_iter().collect(),
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
        let object = rollout.subject();
        self.changes.contains(rollout.change())
            && self.kinds.contains(object.kind())
            && self.in_namespace(object.namespace())
            && self.has_labels(rollout)
    }

    fn in_namespace(&self, namespace: &str) -> bool {
        self.namespaces
            .as_ref()
            .is_none_or(|some| some.contains(namespace))
            && !self.exclude_namespaces.contains(namespace)
    }

    /// The old object's labels count too: dropping a label is no way out.
    fn has_labels(&self, rollout: &Rollout) -> bool {
        let selects = |object: &Arc<Workload>| self.labels.selects(object.labels());
        self.labels.is_empty()
            || rollout.new().is_some_and(selects)
            || rollout.old().is_some_and(selects)
    }
}

/// A set of the cases of a small enum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Set(u32);

impl Set {
    const ALL: Self = Self(u32::MAX);

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
