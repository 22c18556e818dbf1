//! Earlier revisions of a workload, which `kubectl rollout undo` goes back to.

mod origin;

use std::cmp::Ordering;

use crate::classify::{TextDigest, images, images_digest, is_same_template, template_digest};
use crate::json::{Map, Value};
use jiff::Timestamp;

use crate::defaults;
use crate::kind::Kind;
use crate::workload::Workload;
pub use origin::Flaw;

/// Labels with their values, sorted by key.
type Labels = [(String, String)];

/// Which revisions decide whether a change is a rollback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RevisionQuery {
    /// The revisions that a workload owns.
    Owned(Owner),
    /// The ReplicaSets whose Pods a Service selects, before or after its change.
    Selected {
        /// The namespace.
        namespace: String,
        /// The selectors before and after the change.
        selectors: [Vec<(String, String)>; 2],
    },
}

/// A workload that owns revisions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Its kind, which implies the kind of its revisions.
    pub kind: Kind,
    /// Its namespace.
    pub namespace: String,
    /// Its name, which is the prefix of the names of its revisions.
    pub name: String,
    /// `metadata.creationTimestamp`; `None` for an object that was never in a cluster.
    pub created: Option<Timestamp>,
    /// `metadata.uid`, as the owner references of its revisions have it; `None` for an object that
    /// was never in a cluster.
    pub uid: Option<String>,
    /// The labels by which its controller selects its revisions (`spec.selector.matchLabels`).
    pub labels: Vec<(String, String)>,
}

impl RevisionQuery {
    pub(crate) fn of(old: &Workload, new: &Workload) -> Self {
        let namespace = old.namespace().to_owned();
        if old.kind() == Kind::Service {
            return Self::Selected {
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

/// The earlier revisions that a change is classified by.
///
/// For a workload, these are the ReplicaSets (Deployment, Argo Rollout) or ControllerRevisions
/// (StatefulSet, DaemonSet) that it owns. For a Service, the ReplicaSets of its namespace.
#[derive(Clone, Debug, PartialEq)]
pub enum Revisions {
    /// They were read; the list may be empty.
    Known(Vec<Revision>),
    /// They could not be read from the cluster.
    Unknown {
        /// The reason, as a clause that fits after "because".
        why: String,
    },
    /// There is no cluster to read them from, so no rollback can be recognized.
    NoCluster {
        /// The reason, as a clause that fits after "because".
        why: String,
    },
}

impl Revisions {
    /// Returns why they are not known; `None` where they are.
    #[must_use]
    pub fn why_not_known(&self) -> Option<&str> {
        match self {
            Self::Known(_) => None,
            Self::Unknown { why } | Self::NoCluster { why } => Some(why),
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
    /// Its revision number. A rollback to this revision gives it a new, highest number. It is a
    /// ReplicaSet's annotation `deployment.kubernetes.io/revision` or
    /// `rollout.argoproj.io/revision`, or a ControllerRevision's `revision`.
    pub number: Option<i64>,
    /// The numbers that it had before: a ReplicaSet's annotation
    /// `deployment.kubernetes.io/revision-history` or `rollout.argoproj.io/revision-history`.
    /// `None` where they are not recorded, as for a ControllerRevision.
    pub earlier_numbers: Option<Vec<i64>>,
    /// Whether it has Pods now; `None` where that is not known.
    pub has_pods: Option<bool>,
    /// The UID of the workload that owns it; `None` in a list of the revisions of one workload.
    pub owner: Option<String>,
    /// Why it is ignored; `None` where it counts as an earlier revision.
    pub flaw: Option<Flaw>,
    template: Kept,
}

/// What is kept of a Pod template.
#[derive(Clone, Debug, PartialEq)]
enum Kept {
    Tree(Value),
    /// Enough to recognize it, in less memory.
    Digest(Box<Digest>),
}

/// What identifies a Pod template.
#[derive(Clone, Debug, PartialEq)]
struct Digest {
    template: TextDigest,
    images: TextDigest,
    labels: Vec<(String, String)>,
}

/// Which of two revisions was created first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// This one.
    Before,
    /// The other one.
    After,
    /// Neither the creation times nor the numbers decide.
    Unknown,
}

impl Revision {
    /// Creates a revision with the Pod template of a ReplicaSet (`spec.template`) or of a
    /// ControllerRevision (`data.spec.template`), and fills in the API's defaults.
    #[must_use]
    pub fn new(name: impl Into<String>, created: Timestamp, template: impl Into<Value>) -> Self {
        let mut template = template.into();
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
            template: Kept::Tree(template),
        }
    }

    /// Compares when two revisions were created.
    ///
    /// Creation times have no fractions of a second (metav1.Time). Within one second, the numbers
    /// that the revisions were created with decide, provided that they have the same owner, whose
    /// controller counts up.
    #[must_use]
    pub fn creation_order(&self, other: &Self) -> Order {
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

    /// Whether this revision may be older than the other one.
    #[must_use]
    pub fn is_not_after(&self, other: &Self) -> bool {
        self.creation_order(other) != Order::After
    }

    /// Returns the number that it was created with: the lowest that it ever had, where that is
    /// recorded.
    #[must_use]
    pub fn first_number(&self) -> Option<i64> {
        self.earlier_numbers.as_ref()?;
        self.numbers().min()
    }

    /// Returns all numbers that it is known to have had.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = i64> {
        let earlier = self.earlier_numbers.iter().flatten();
        earlier.copied().chain(self.number)
    }

    /// Returns the Pod template, with the API's defaults filled in; `None` after
    /// [`forget_template`](Self::forget_template).
    #[must_use]
    pub const fn template(&self) -> Option<&Value> {
        match &self.template {
            Kept::Tree(template) => Some(template),
            Kept::Digest(_) => None,
        }
    }

    /// Returns the memory that its Pod template takes; 0 after
    /// [`forget_template`](Self::forget_template).
    #[must_use]
    pub fn template_bytes(&self) -> usize {
        self.template().map_or(0, Value::bytes)
    }

    /// Returns the key that orders revisions by when they were created.
    #[must_use]
    pub fn age(&self) -> (Timestamp, Option<i64>) {
        (self.created, self.first_number())
    }

    /// Keeps only digests of the Pod template, by which it is still recognized.
    pub fn forget_template(&mut self) {
        if let Kept::Tree(template) = &self.template {
            self.template = Kept::Digest(Box::new(Digest::of(template)));
        }
    }

    /// Whether this revision has a Pod template, apart from what controllers and restarts write into it.
    pub(crate) fn has_template(&self, template: &Value) -> bool {
        match &self.template {
            Kept::Tree(own) => is_same_template(own, template),
            Kept::Digest(own) => own.template == template_digest(template),
        }
    }

    /// As [`has_template`](Self::has_template), for the template of another revision.
    pub(crate) fn has_template_of(&self, other: &Self) -> bool {
        match (&self.template, &other.template) {
            (_, Kept::Tree(template)) => self.has_template(template),
            (Kept::Tree(template), _) => other.has_template(template),
            (Kept::Digest(own), Kept::Digest(other)) => own.template == other.template,
        }
    }

    /// Whether its containers have these images, sorted.
    pub(crate) fn has_images(&self, wanted: &[&str]) -> bool {
        match &self.template {
            Kept::Tree(template) => images(template) == wanted,
            Kept::Digest(own) => own.images == images_digest(wanted),
        }
    }

    /// Whether a Service with this selector selects its Pods. A Service without a selector selects
    /// none (core/v1 ServiceSpec).
    #[must_use]
    pub fn is_selected_by(&self, selector: &Labels) -> bool {
        let has = |key: &str, value: &str| match &self.template {
            Kept::Tree(template) => {
                let labels = template.pointer("/metadata/labels");
                labels.and_then(|labels| labels.get(key)?.as_str()) == Some(value)
            }
            Kept::Digest(own) => own
                .labels
                .iter()
                .any(|(label, is)| (label.as_str(), is.as_str()) == (key, value)),
        };
        !selector.is_empty() && selector.iter().all(|(key, value)| has(key, value))
    }
}

impl Digest {
    fn of(template: &Value) -> Self {
        let labels = template.pointer("/metadata/labels");
        let labels = labels.and_then(Value::as_object).into_iter();
        let text =
            |(key, value): (&str, &Value)| Some((key.to_owned(), value.as_str()?.to_owned()));
        Self {
            template: template_digest(template),
            images: images_digest(&images(template)),
            labels: labels.flat_map(Map::iter).filter_map(text).collect(),
        }
    }
}

/// Whether `kubectl rollout undo` would be classified as a rollback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undo {
    /// There are earlier revisions, and an undo is a rollback to the previous one.
    Rollback,
    /// There is no earlier revision, or going back to it is no rollback.
    NotPossible,
    /// The earlier revisions could not be read, so no rollback can be recognized.
    Unknown {
        /// The reason, as a clause that fits after "because".
        why: String,
    },
}
