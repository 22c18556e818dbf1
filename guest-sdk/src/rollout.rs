//! The rollout that a policy evaluates.

use crate::sys::RawRollout;
use crate::{Change, Workload};
use std::cell::OnceCell;

/// An admission request that starts Pods from a template, moves traffic to them, changes their
/// number, or deletes their workload.
///
/// Every method is a call to the host, so that a policy pays only for what it reads.
/// [`new`](Rollout::new), [`old`](Rollout::old) and [`baseline`](Rollout::baseline) are fetched
/// once and kept.
pub struct Rollout<'a> {
    raw: &'a RawRollout,
    new: OnceCell<Option<Workload>>,
    old: OnceCell<Option<Workload>>,
    baseline: OnceCell<Option<Workload>>,
}

impl<'a> Rollout<'a> {
    pub(crate) const fn from_raw(raw: &'a RawRollout) -> Self {
        Self {
            raw,
            new: OnceCell::new(),
            old: OnceCell::new(),
            baseline: OnceCell::new(),
        }
    }

    /// Returns the class of the change.
    #[must_use]
    pub fn change(&self) -> Change {
        Change::from(&*self.raw.change())
    }

    /// Returns a sentence on how the class was determined, where that is not obvious.
    #[must_use]
    pub fn change_note(&self) -> Option<String> {
        self.raw.change_note()
    }

    /// Returns the admission operation: `CREATE`, `UPDATE` or `DELETE`.
    #[must_use]
    pub fn operation(&self) -> String {
        self.raw.operation()
    }

    /// Returns the requesting user, as the API server authenticated it; empty where manifests are
    /// checked offline.
    #[must_use]
    pub fn user(&self) -> String {
        self.raw.user()
    }

    /// Returns the groups of that user.
    #[must_use]
    pub fn groups(&self) -> Vec<String> {
        self.raw.groups()
    }

    /// Whether nothing will be persisted (`dryRun` of the request, or `rollgate check`).
    #[must_use]
    pub fn dry_run(&self) -> bool {
        self.raw.dry_run()
    }

    /// Returns the object as it would become; `None` when it is deleted.
    #[must_use]
    #[expect(clippy::new_ret_no_self, reason = "the contract's word")]
    pub fn new(&self) -> Option<&Workload> {
        self.new
            .get_or_init(|| self.raw.new().map(Workload::from_raw))
            .as_ref()
    }

    /// Returns the object as it is; `None` when it is created.
    #[must_use]
    pub fn old(&self) -> Option<&Workload> {
        self.old
            .get_or_init(|| self.raw.old().map(Workload::from_raw))
            .as_ref()
    }

    /// Returns the object to compare findings with: usually the old object, and after a rollback
    /// the old object with the template that was rolled back from. `None` where the workload is
    /// created, or where its previous state is not known: then every finding is new.
    #[must_use]
    pub fn baseline(&self) -> Option<&Workload> {
        self.baseline
            .get_or_init(|| self.raw.baseline().map(Workload::from_raw))
            .as_ref()
    }
}
