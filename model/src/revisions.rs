//! Earlier revisions of a workload: what `kubectl rollout undo` goes back to.

use jiff::Timestamp;
use serde_json::Value;

use crate::defaults;

/// The earlier revisions that the classifier is given.
///
/// For a workload, those it owns: ReplicaSets (Deployment, Argo Rollout) or ControllerRevisions
/// (StatefulSet, DaemonSet). For a Service, the ReplicaSets of its namespace.
#[derive(Clone, Debug, PartialEq)]
pub enum Revisions {
    /// They were read; the list may be empty.
    Known(Vec<Revision>),
    /// They could not be read.
    Unknown {
        /// Why, in words that fit after "because".
        why: String,
    },
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
    /// Whether it has Pods now; `None` where that is not known.
    pub has_pods: Option<bool>,
    template: Value,
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
            has_pods: None,
            template,
        }
    }

    /// The Pod template, with the API's defaults filled in.
    #[must_use]
    pub const fn template(&self) -> &Value {
        &self.template
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
