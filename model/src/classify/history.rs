//! Decides by the earlier revisions whether a template is an older one, and whether an undo would be a
//! rollback.
//!
//! Revisions are ordered by when they were created, never by their present number: a rollback gives
//! the revision a new number, which would turn the order around. Within one second the number that a
//! revision was created with decides. Where that is not known either, the change counts as a rollback,
//! so that an undo is never refused. A template that equals several revisions (a restart makes another
//! of the same) has the age of the first of them. Revisions that the workload's controller did not
//! create are ignored.

use std::cell::OnceCell;
use std::collections::BTreeSet;

use crate::json::Value;

use super::pending;
use super::template::{Difference, Template, compare, images, without_hashes};
use crate::baseline::Baseline;
use crate::kind::Kind;
use crate::revisions::{Flaw, Order, Revision, Revisions, Undo};
use crate::workload::Workload;

/// The revisions of a workload, relative to its present template.
pub(super) struct History<'a> {
    revisions: &'a Revisions,
    present: &'a Workload,
    present_revision: OnceCell<Option<&'a Revision>>,
}

impl<'a> History<'a> {
    pub(super) const fn new(revisions: &'a Revisions, present: &'a Workload) -> Self {
        Self {
            revisions,
            present,
            present_revision: OnceCell::new(),
        }
    }

    /// Whether one of the revisions has the present template.
    pub(super) fn has_present_template(&self) -> bool {
        self.present_revision().is_some()
    }

    /// Returns how the new template is known to be an earlier one; `None` when it is not.
    pub(super) fn goes_back(&self, new: &Workload) -> Option<String> {
        let target = self.first_with(Template::of(new).known()?)?;
        let Some(present) = self.present_revision() else {
            return self.goes_back_from_unrecorded(target);
        };
        let age = match target.creation_order(present) {
            Order::After => return None,
            Order::Before => "was created before",
            Order::Unknown => "was created in the same second as",
        };
        Some(format!(
            "the template is that of revision {}, which {age} the present one, {}",
            target.name, present.name
        ))
    }

    /// As [`goes_back`](Self::goes_back), where no revision has the present template.
    fn goes_back_from_unrecorded(&self, target: &Revision) -> Option<String> {
        let others = self
            .counted()
            .filter(|other| !other.has_template_of(target));
        let newest = latest(others);
        if let Some(newest) = newest.filter(|newest| target.is_not_after(newest)) {
            return Some(format!(
                "the template is that of revision {}, which was created before the newest one, {}",
                target.name, newest.name
            ));
        }
        // The controller has not seen the present template yet, so all its revisions are older.
        pending::is_unseen(self.present).then(|| {
            format!(
                "the template is that of revision {}, and there is no revision of the present one yet",
                target.name
            )
        })
    }

    /// Returns how the template is known to be older than another one that has Pods; `None` when it
    /// is not.
    pub(super) fn older_than_running(&self, workload: &Workload) -> Option<String> {
        let target = self.first_with(Template::of(workload).known()?)?;
        let newer = latest(self.counted().filter(|revision| {
            let has_pods = revision.has_pods == Some(true);
            has_pods && revision.name != target.name && target.is_not_after(revision)
        }))?;
        Some(format!(
            "the template is that of revision {}, which is older than revision {} that has Pods",
            target.name, newer.name
        ))
    }

    /// Explains why the change is no rollback, where it may look like one or where revisions are not
    /// known.
    pub(super) fn why_no_rollback(&self, new: &Workload) -> Option<String> {
        match Template::of(new).known() {
            Some(template) => self
                .ignored_revision(template)
                .or_else(|| self.same_images(template))
                .or_else(|| self.unreadable())
                .or_else(|| self.deleted_revisions()),
            None => new
                .no_template()
                .map(|why| format!("rollgate could not check whether this is a rollback: {why}")),
        }
    }

    /// Names a revision that has the new template and is ignored.
    fn ignored_revision(&self, template: &Value) -> Option<String> {
        let with_it = |revision: &&Revision| revision.has_template(template);
        // A counted one was found not to be earlier.
        if self.counted().any(|revision| with_it(&revision)) {
            return None;
        }
        let mut flawed = self.all().iter().filter(|it| it.flaw.is_some());
        let revision = flawed.find(with_it)?;
        let (name, kind) = (&revision.name, self.present.kind());
        Some(match revision.flaw? {
            Flaw::OlderThanWorkload => format!(
                "the template is that of {name}, but this is no rollback to it: {name} is older than this {kind}, which was deleted and created again since"
            ),
            Flaw::NotNamedByController => format!(
                "the template is that of {name}, but this is no rollback to it: {name} does not have the name and labels that the controller of a {kind} gives its revisions"
            ),
        })
    }

    /// Names the latest earlier revision with the same images and the first difference.
    fn same_images(&self, template: &Value) -> Option<String> {
        let present = self.present_or_newest()?;
        let wanted = images(template);
        let alike = latest(self.counted().filter(|revision| {
            revision.creation_order(present) == Order::Before && revision.has_images(&wanted)
        }))?;
        let Difference::At(pointer) = compare(alike.template()?, template) else {
            return None;
        };
        Some(format!(
            "earlier revision {} has the same images, but this is no rollback to it: the first difference is at {pointer}",
            alike.name
        ))
    }

    /// Explains that the revisions could not be read.
    pub(super) fn unreadable(&self) -> Option<String> {
        let why = self.revisions.why_not_known()?;
        Some(format!(
            "rollgate could not check whether this is a rollback: {why}"
        ))
    }

    /// Returns the baseline: the template of the revision that was created last, even where a rollback
    /// has brought back an older one since. Nothing, where the last one is not known.
    pub(super) fn baseline(&self) -> Baseline {
        match self.revisions {
            Revisions::Known(_) => {}
            Revisions::NoCluster { .. } => return Baseline::old_object(),
            Revisions::Unknown { .. } => return Baseline::nothing(),
        }
        let Some(present) = Template::of(self.present).known() else {
            return Baseline::old_object();
        };
        match self.last_created() {
            Some(last) if self.none_is_missing_since(last) => {
                if last.has_template(present) {
                    return Baseline::old_object();
                }
                last.template().map_or_else(Baseline::nothing, |template| {
                    Baseline::old_object_with(without_hashes(template.clone()))
                })
            }
            _ => Baseline::nothing(),
        }
    }

    /// Returns the revision that was created last; `None` where two of one second cannot be ordered.
    fn last_created(&self) -> Option<&'a Revision> {
        // A ControllerRevision has its present number only.
        let age = |revision: &Revision| {
            (
                revision.created,
                revision.first_number().or(revision.number),
            )
        };
        let last = self.counted().max_by_key(|revision| age(revision))?;
        let alike = |other: &Revision| age(other) == age(last) && !other.has_template_of(last);
        (!self.counted().any(alike)).then_some(last)
    }

    /// Whether every number that was assigned since this revision was created belongs to a revision.
    /// A number that none has is that of a deleted one, which may have been created later.
    fn none_is_missing_since(&self, last: &Revision) -> bool {
        let Some(first) = last.first_number() else {
            return self.others_are_kept();
        };
        let numbers: BTreeSet<i64> = self
            .all()
            .iter()
            .flat_map(Revision::numbers)
            .filter(|number| *number >= first)
            .collect();
        let given = numbers
            .last()
            .map_or(0, |highest| highest.saturating_sub(first));
        usize::try_from(given).is_ok_and(|given| given < numbers.len())
    }

    /// Returns whether a ControllerRevision is left beside the present one, if there ever was one. They
    /// have no first number, but with `revisionHistoryLimit: 0` a rollback deletes all others.
    fn others_are_kept(&self) -> bool {
        let mut numbers = self.all().iter().map(|revision| revision.number);
        !matches!((numbers.next(), numbers.next()), (Some(Some(2..)), None))
    }

    /// Explains that deleted revisions may have been the baseline.
    fn deleted_revisions(&self) -> Option<String> {
        let last = self.last_created()?;
        (!self.none_is_missing_since(last)).then(|| {
            format!(
                "revisions newer than {} were deleted, so every finding counts as new, also where the fault existed before",
                last.name
            )
        })
    }

    /// Returns whether `kubectl rollout undo` of the present template would be a rollback.
    pub(super) fn undo(&self) -> Undo {
        match self.revisions {
            Revisions::Unknown { why } | Revisions::NoCluster { why } => {
                Undo::Unknown { why: why.clone() }
            }
            Revisions::Known(_) if self.undo_passes() => Undo::Rollback,
            Revisions::Known(_) => Undo::NotPossible,
        }
    }

    fn undo_passes(&self) -> bool {
        // kubectl refuses to undo a paused Deployment.
        let refused = self.present.paused() && self.present.kind() == Kind::Deployment;
        let Some(present) = self.present_or_newest().filter(|_| !refused) else {
            return false;
        };
        let older =
            |revision: &Revision| revision.name != present.name && revision.is_not_after(present);
        match self.previous() {
            Previous::Unnumbered => self.counted().any(older),
            Previous::Revision(previous) => {
                let first = self.first(|revision| revision.has_template_of(previous));
                first.is_some_and(older) || self.equals_present(previous)
            }
            Previous::None => false,
        }
    }

    /// Whether this revision has the present template. Going back to it undoes a restart.
    fn equals_present(&self, revision: &Revision) -> bool {
        let present = Template::of(self.present).known();
        present.is_some_and(|present| revision.has_template(present))
    }

    /// Returns the revision that an undo goes back to: the one with the second highest number. kubectl
    /// and the controllers consider all that the workload owns.
    fn previous(&self) -> Previous<'a> {
        let mut numbered: Vec<_> = self
            .all()
            .iter()
            .filter_map(|revision| Some((revision.number?, revision)))
            .collect();
        if numbered.len() < self.all().len() {
            return Previous::Unnumbered;
        }
        numbered.sort_unstable_by_key(|(number, _)| std::cmp::Reverse(*number));
        numbered
            .get(1)
            .map_or(Previous::None, |(_, revision)| Previous::Revision(revision))
    }

    /// Returns the revision with the present template, or the newest one where none has it yet.
    fn present_or_newest(&self) -> Option<&'a Revision> {
        self.present_revision().or_else(|| latest(self.counted()))
    }

    /// Returns the revision with the present template.
    fn present_revision(&self) -> Option<&'a Revision> {
        *self.present_revision.get_or_init(|| {
            let template = Template::of(self.present).known();
            template.and_then(|template| self.first_with(template))
        })
    }

    /// Returns the oldest revision with this template.
    fn first_with(&self, template: &Value) -> Option<&'a Revision> {
        self.first(|revision| revision.has_template(template))
    }

    /// Returns the oldest revision for which this is true.
    fn first(&self, is_it: impl Fn(&Revision) -> bool) -> Option<&'a Revision> {
        let found = self.counted().filter(|revision| is_it(revision));
        found.min_by_key(|revision| revision.age())
    }

    /// Returns the revisions that the controller of the workload created.
    fn counted(&self) -> impl Iterator<Item = &'a Revision> + use<'a> {
        self.all().iter().filter(|revision| revision.flaw.is_none())
    }

    fn all(&self) -> &'a [Revision] {
        match self.revisions {
            Revisions::Known(revisions) => revisions,
            Revisions::Unknown { .. } | Revisions::NoCluster { .. } => &[],
        }
    }
}

enum Previous<'a> {
    Revision(&'a Revision),
    Unnumbered,
    None,
}

fn latest<'a>(revisions: impl Iterator<Item = &'a Revision>) -> Option<&'a Revision> {
    revisions.max_by_key(|revision| revision.age())
}
