//! A classified request: what every policy of a review is shown.

use std::sync::Arc;

use crate::baseline::Baseline;
use crate::change::Change;
use crate::request::Operation;
use crate::revisions::Undo;
use crate::workload::Workload;

/// A request with the class of its change.
#[derive(Clone, Debug)]
pub enum ClassifiedRequest {
    /// A rollout, for the policies that match it.
    Rollout(Box<Rollout>),
    /// Anything else: it is allowed at once, and no policy runs.
    NotARollout {
        /// Why it is no rollout, in a sentence.
        why: &'static str,
        /// The update, where it changes the labels of the object. A policy that selects workloads by
        /// labels evaluates it when the workload leaves its selection.
        relabelled: Option<Box<Rollout>>,
    },
}

impl ClassifiedRequest {
    /// Returns the rollout.
    ///
    /// # Errors
    /// Why it is none, in a sentence.
    pub fn into_rollout(self) -> Result<Rollout, &'static str> {
        match self {
            Self::Rollout(rollout) => Ok(*rollout),
            Self::NotARollout { why, .. } => Err(why),
        }
    }

    /// Replaces what existing findings are compared with.
    #[must_use]
    pub fn with_baseline(self, baseline: Baseline) -> Self {
        match self {
            Self::Rollout(rollout) => Self::Rollout(Box::new(rollout.with_baseline(baseline))),
            not_a_rollout @ Self::NotARollout { .. } => not_a_rollout,
        }
    }
}

/// A request that starts Pods from a template, moves traffic to them, or changes their number.
#[derive(Clone, Debug)]
pub struct Rollout {
    /// `None` where it is no rollout by itself, or is shown to a policy whose selection it leaves.
    pub(crate) class: Option<Change>,
    pub(crate) change_note: Option<String>,
    pub(crate) undo: Undo,
    pub(crate) operation: Operation,
    pub(crate) user: String,
    pub(crate) groups: Vec<String>,
    pub(crate) dry_run: bool,
    pub(crate) new: Option<Arc<Workload>>,
    pub(crate) old: Option<Arc<Workload>>,
    pub(crate) baseline: Baseline,
}

const LEAVES: &str = "the change takes the workload out of the labels that the policy matches by, \
    so it is evaluated as a roll-forward";

impl Rollout {
    /// Returns the class of the change, as policies are shown it.
    #[must_use]
    pub const fn change(&self) -> Change {
        match self.class {
            Some(class) => class,
            None => Change::RollForward,
        }
    }

    /// Returns the class that policies match; `None` where the change is no rollout by itself, so
    /// that only policies whose selection it leaves evaluate it.
    #[must_use]
    pub const fn class(&self) -> Option<Change> {
        self.class
    }

    /// Returns a sentence on how the class was determined, where that is not obvious.
    #[must_use]
    pub fn change_note(&self) -> Option<&str> {
        match self.class {
            Some(_) => self.change_note.as_deref(),
            None => Some(LEAVES),
        }
    }

    /// Returns the change as it is shown to a policy whose selection the workload leaves: its labels
    /// matched before and no longer do. The policy will not see what follows, so it is shown a
    /// roll-forward, whatever the class.
    #[must_use]
    pub fn leaving(&self) -> Self {
        Self {
            class: None,
            baseline: Baseline::nothing(),
            ..self.clone()
        }
    }

    /// Returns whether `kubectl rollout undo` would now be classified as a rollback.
    #[must_use]
    pub const fn undo(&self) -> &Undo {
        &self.undo
    }

    /// Returns the admission operation.
    #[must_use]
    pub const fn operation(&self) -> Operation {
        self.operation
    }

    /// Returns the requesting user; empty where manifests are checked offline.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Returns the groups of that user.
    #[must_use]
    pub fn groups(&self) -> &[String] {
        &self.groups
    }

    /// Whether nothing will be persisted.
    #[must_use]
    pub const fn dry_run(&self) -> bool {
        self.dry_run
    }

    /// Returns the object as it would become; `None` when it is deleted.
    #[must_use]
    #[expect(
        clippy::new_ret_no_self,
        reason = "the contract calls the new object `new`"
    )]
    pub const fn new(&self) -> Option<&Arc<Workload>> {
        self.new.as_ref()
    }

    /// Returns the object as it is; `None` when it is created.
    #[must_use]
    pub const fn old(&self) -> Option<&Arc<Workload>> {
        self.old.as_ref()
    }

    /// Returns the workload that findings are compared with: those that it has too are existing ones.
    /// `None` where the workload is created, or where its previous state is not known.
    #[must_use]
    pub fn baseline(&self) -> Option<&Arc<Workload>> {
        self.baseline.workload(self.old.as_ref())
    }

    /// Replaces what existing findings are compared with.
    #[must_use]
    pub fn with_baseline(self, baseline: Baseline) -> Self {
        Self { baseline, ..self }
    }

    /// Returns the new object, or the old one when it is deleted.
    #[must_use]
    pub fn subject(&self) -> &Arc<Workload> {
        self.new
            .as_ref()
            .or(self.old.as_ref())
            .expect("a rollout has an object: the request was checked")
    }
}
