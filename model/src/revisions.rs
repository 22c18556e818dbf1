//! Earlier revisions of a workload: what `kubectl rollout undo` goes back to.

mod origin;

use std::cmp::Ordering;

use jiff::Timestamp;
use serde_json::Value;

use crate::defaults;
use crate::kind::Kind;
use crate::workload::Workload;
pub use origin::Flaw;

/// Labels with their values, sorted by key.
type Labels = [(String, String)];

/// Which revisions tell whether a change is a rollback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Those that a workload owns.
    Owned(Owner),
    /// The ReplicaSets of a namespace whose Pods a Service selects, before or after its change.
    Served {
        /// The namespace.
        namespace: String,
        /// The selectors before and after.
        selectors: [Vec<(String, String)>; 2],
    },
}

/// A workload that owns revisions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Its kind, which tells that of its revisions.
    pub kind: Kind,
    /// Its namespace.
    pub namespace: String,
    /// Its name, which its controller puts before those of its revisions.
    pub name: String,
    /// `metadata.creationTimestamp`; `None` for an object that was never in a cluster.
    pub created: Option<Timestamp>,
    /// `metadata.uid`, as the owner references of its revisions have it; `None` for an object that
    /// was never in a cluster.
    pub uid: Option<String>,
    /// The labels that its controller looks for its revisions by (`spec.selector.matchLabels`).
    pub labels: Vec<(String, String)>,
}

impl Wanted {
    pub(crate) fn of(old: &Workload, new: &Workload) -> Self {
        let namespace = old.namespace().to_owned();
        if old.kind() == Kind::Service {
            return Self::Served {
                namespace,
                selectors: [old, new].map(|side| side.selector().to_vec()),
            };
        }
        let text = |pointer| old.json(pointer).and_then(Value::as_str);
        Self::Owned(Owner {
            kind: old.kind(),
            namespace,
            name: old.name().to_owned(),
            created: text("/metadata/creationTimestamp").and_then(|at| at.parse().ok()),
            uid: text("/metadata/uid").map(str::to_owned),
            labels: old.selector().to_vec(),
        })
    }
}

/// The earlier revisions that the classifier is given.
///
/// For a workload, those it owns: ReplicaSets (Deployment, Argo Rollout) or ControllerRevisions
/// (StatefulSet, DaemonSet). For a Service, the ReplicaSets of its namespace.
#[derive(Clone, Debug, PartialEq)]
pub enum Revisions {
    /// They were read; the list may be empty.
    Known(Vec<Revision>),
    /// They could not be read, although there is a cluster that has them.
    Unknown {
        /// Why, in words that fit after "because".
        why: String,
    },
    /// There is no cluster to read them from. No rollback passes unjudged then.
    OutOfReach {
        /// Why, in words that fit after "because".
        why: String,
    },
}

impl Revisions {
    /// Why they are not known; `None` where they are.
    #[must_use]
    pub fn why_not_known(&self) -> Option<&str> {
        match self {
            Self::Known(_) => None,
            Self::Unknown { why } | Self::OutOfReach { why } => Some(why),
        }
    }
}

/// One ReplicaSet or ControllerRevision.
#[derive(Clone, Debug, PartialEq)]
pub struct Revision {
    /// Its name.
    pub name: String,
    /// `metadata.creationTimestamp`.
    pub created: Timestamp,
    /// Its revision number, which moves to the end of the history when it is rolled back to: a
    /// ReplicaSet's annotation `deployment.kubernetes.io/revision` or
    /// `rollout.argoproj.io/revision`, a ControllerRevision's `revision`.
    pub number: Option<i64>,
    /// The numbers that it had before: a ReplicaSet's annotation
    /// `deployment.kubernetes.io/revision-history` or `rollout.argoproj.io/revision-history`.
    /// `None` where nobody wrote them down, as for a ControllerRevision.
    pub earlier_numbers: Option<Vec<i64>>,
    /// Whether it has Pods now; `None` where that is not known.
    pub has_pods: Option<bool>,
    /// The UID of the workload that owns it; `None` in a list of the revisions of one workload.
    pub owner: Option<String>,
    /// Why it does not count as an earlier revision; `None` where it does.
    pub flaw: Option<Flaw>,
    template: Value,
}

/// Which of two revisions was created first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// This one.
    Before,
    /// The other one.
    After,
    /// Neither their creation nor their numbers tell.
    Unknown,
}

impl Revision {
    /// A revision with the Pod template of a ReplicaSet (`spec.template`) or of a
    /// ControllerRevision (`data.spec.template`). The API's defaults are filled in.
    #[must_use]
    pub fn new(name: impl Into<String>, created: Timestamp, mut template: Value) -> Self {
        defaults::fill_template(&mut template);
        if let Some(map) = template.as_object_mut() {
            // A ControllerRevision is a strategic merge patch that replaces the template.
            map.remove("$patch");
        }
        Self {
            name: name.into(),
            created,
            number: None,
            earlier_numbers: None,
            has_pods: None,
            owner: None,
            flaw: None,
            template,
        }
    }

    /// Compares when two revisions were created.
    ///
    /// A creation time has no fractions of a second (metav1.Time). Within one second the numbers
    /// that they were created with decide, where both have one owner: its controller counts up.
    #[must_use]
    pub fn came_before(&self, other: &Self) -> Order {
        let numbers = || {
            let numbers = self.first_number().zip(other.first_number());
            numbers.filter(|_| self.owner == other.owner)
        };
        match self.created.cmp(&other.created) {
            Ordering::Less => Order::Before,
            Ordering::Greater => Order::After,
            Ordering::Equal => match numbers() {
                Some((ours, theirs)) if ours < theirs => Order::Before,
                Some((ours, theirs)) if ours > theirs => Order::After,
                _ => Order::Unknown,
            },
        }
    }

    /// Whether going from the other one to this one may be going back.
    #[must_use]
    pub fn is_not_after(&self, other: &Self) -> bool {
        self.came_before(other) != Order::After
    }

    /// The number that it was created with: the lowest that it ever had, where that is written down.
    #[must_use]
    pub fn first_number(&self) -> Option<i64> {
        self.earlier_numbers.as_ref()?;
        self.numbers().min()
    }

    /// All numbers that it is known to have had.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = i64> {
        let earlier = self.earlier_numbers.iter().flatten();
        earlier.copied().chain(self.number)
    }

    /// The Pod template, with the API's defaults filled in.
    #[must_use]
    pub const fn template(&self) -> &Value {
        &self.template
    }

    /// Whether a Service with this selector selects its Pods; one without a selector selects none
    /// (core/v1 ServiceSpec).
    #[must_use]
    pub fn is_selected_by(&self, selector: &Labels) -> bool {
        let labels = self.template.pointer("/metadata/labels");
        let has = |key: &str, value: &str| {
            labels
                .and_then(|labels| labels.get(key)?.as_str())
                .is_some_and(|label| label == value)
        };
        !selector.is_empty() && selector.iter().all(|(key, value)| has(key, value))
    }
}

/// Whether `kubectl rollout undo` would be told apart as a rollback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undo {
    /// Earlier revisions were found, and going back to the previous one is a rollback.
    Passes,
    /// There is nothing earlier to go back to, or going back would be no rollback.
    NotPossible,
    /// Earlier revisions could not be read, so rollbacks cannot be told apart.
    Unknown {
        /// Why, in words that fit after "because".
        why: String,
    },
}
