//! The rollout that a policy judges.

use crate::sys::RawRollout;
use crate::{Change, Workload};
use std::cell::OnceCell;

/// One admission request that would start new Pods from a template, or move traffic to them.
///
/// Everything is fetched from the host when it is asked for, so a policy pays for what it reads.
/// [`new`](Rollout::new), [`old`](Rollout::old) and [`baseline`](Rollout::baseline) are fetched once
/// and kept.
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

    /// The class of the change.
    #[must_use]
    pub fn change(&self) -> Change {
        Change::from(&*self.raw.change())
    }

    /// A sentence on how the class was told, where it is not obvious.
    #[must_use]
    pub fn change_note(&self) -> Option<String> {
        self.raw.change_note()
    }

    /// The admission operation: `CREATE`, `UPDATE` or `DELETE`.
    #[must_use]
    pub fn operation(&self) -> String {
        self.raw.operation()
    }

    /// The user who asks, as the API server authenticated them; empty on a dry-run from files.
    #[must_use]
    pub fn user(&self) -> String {
        self.raw.user()
    }

    /// The groups of that user.
    #[must_use]
    pub fn groups(&self) -> Vec<String> {
        self.raw.groups()
    }

    /// Whether nothing will be persisted (`dryRun` of the request, or `rollgate check`).
    #[must_use]
    pub fn dry_run(&self) -> bool {
        self.raw.dry_run()
    }

    /// The object as it would become; absent when it is deleted.
    #[must_use]
    #[expect(clippy::new_ret_no_self, reason = "the contract's word")]
    pub fn new(&self) -> Option<&Workload> {
        self.new
            .get_or_init(|| self.raw.new().map(Workload::from_raw))
            .as_ref()
    }

    /// The object as it is; absent when it is created.
    #[must_use]
    pub fn old(&self) -> Option<&Workload> {
        self.old
            .get_or_init(|| self.raw.old().map(Workload::from_raw))
            .as_ref()
    }

    /// What the workload had before, to hold findings against: usually the old object, and after a
    /// rollback the old object with the template that was rolled back from. Absent where nothing was
    /// there before, or where that cannot be told: then every finding is a new one.
    #[must_use]
    pub fn baseline(&self) -> Option<&Workload> {
        self.baseline
            .get_or_init(|| self.raw.baseline().map(Workload::from_raw))
            .as_ref()
    }
}
