//! What the earlier revisions tell: whether a template goes back, and whether an undo would.
//!
//! When a revision was created counts, never its present number: that one moves when a revision is
//! rolled back to, and "earlier" would turn around. Within one second the number that it was created
//! with decides. Where that is not known either, a change counts as one that goes back: an undo is
//! never refused. A template that equals several revisions (a restart makes another of the same)
//! counts as created with the first of them. What the workload's controller did not make does not
//! count at all.

use std::cell::OnceCell;
use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::Value;

use super::pending;
use super::template::{Difference, Template, compare, images, without_hashes};
use crate::baseline::Baseline;
use crate::kind::Kind;
use crate::revisions::{Flaw, Order, Revision, Revisions, Undo};
use crate::workload::Workload;

/// The revisions of a workload, seen from the template it has now.
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
    pub(super) fn is_held(&self) -> bool {
        self.present_revision().is_some()
    }

    /// How it was told that the new template goes back to an earlier one; `None` when it does not.
    pub(super) fn goes_back(&self, new: &Workload) -> Option<String> {
        let target = self.first_with(Template::of(new).here()?)?;
        let Some(present) = self.present_revision() else {
            return self.goes_back_from_unwritten(target);
        };
        let told = match target.came_before(present) {
            Order::After => return None,
            Order::Before => "was created before",
            Order::Unknown => "was created in the same second as",
        };
        Some(format!(
            "the template is that of revision {}, which {told} the present one, {}",
            target.name, present.name
        ))
    }

    /// As [`goes_back`](Self::goes_back), where no revision has the present template.
    fn goes_back_from_unwritten(&self, target: &Revision) -> Option<String> {
        let others = self
            .counted()
            .filter(|other| !same(other.template(), target.template()));
        let newest = latest(others);
        if let Some(newest) = newest.filter(|newest| target.is_not_after(newest)) {
            return Some(format!(
                "the template is that of revision {}, which was created before the newest one, {}",
                target.name, newest.name
            ));
        }
        // Its controller has still to see the present template, so all that it made is older.
        pending::is_unseen(self.present).then(|| {
            format!(
                "the template is that of revision {}, and there is no revision of the present one yet",
                target.name
            )
        })
    }

    /// How it was told that a template which goes on is older than one that has Pods.
    pub(super) fn runs_newer(&self, workload: &Workload) -> Option<String> {
        let target = self.first_with(Template::of(workload).here()?)?;
        let newer = latest(self.counted().filter(|revision| {
            let has_pods = revision.has_pods == Some(true);
            has_pods && revision.name != target.name && target.is_not_after(revision)
        }))?;
        Some(format!(
            "the template is that of revision {}, which is older than revision {} that has Pods",
            target.name, newer.name
        ))
    }

    /// How far the new template is from an earlier revision that it could be mistaken for, or that
    /// the revisions could not be read.
    pub(super) fn look_alike(&self, new: &Workload) -> Option<String> {
        match Template::of(new).here() {
            Some(template) => self
                .discounted(template)
                .or_else(|| self.same_images(template))
                .or_else(|| self.unreadable())
                .or_else(|| self.lost()),
            None => new.no_template().map(|why| {
                format!("whether this goes back to an earlier revision could not be told: {why}")
            }),
        }
    }

    /// Names a revision that has the new template and does not count.
    fn discounted(&self, template: &Value) -> Option<String> {
        let with_it = |revision: &&Revision| same(revision.template(), template);
        // One that counts was found to be no earlier one.
        if self.counted().any(|revision| with_it(&revision)) {
            return None;
        }
        let mut flawed = self.all().iter().filter(|it| it.flaw.is_some());
        let revision = flawed.find(with_it)?;
        let (name, kind) = (&revision.name, self.present.kind());
        Some(match revision.flaw? {
            Flaw::OlderThanWorkload => format!(
                "the template is that of {name}, but going to it is no rollback: it is older than this {kind}, which was deleted and created again since"
            ),
            Flaw::NotNamedByController => format!(
                "the template is that of {name}, but going to it is no rollback: it has not the name and the labels that the controller of a {kind} gives its revisions"
            ),
        })
    }

    /// Names the latest earlier revision with the same images and the first difference.
    fn same_images(&self, template: &Value) -> Option<String> {
        let held = self.holder()?;
        let wanted = images(template);
        let alike = latest(self.counted().filter(|revision| {
            revision.came_before(held) == Order::Before && images(revision.template()) == wanted
        }))?;
        let Difference::At(pointer) = compare(alike.template(), template) else {
            return None;
        };
        Some(format!(
            "earlier revision {} has the same images, but this is no rollback to it: the first difference is at {pointer}",
            alike.name
        ))
    }

    /// Says that rollbacks cannot be told apart, where the revisions could not be read.
    pub(super) fn unreadable(&self) -> Option<String> {
        let why = self.revisions.why_not_known()?;
        Some(format!(
            "whether this goes back to an earlier revision could not be told: {why}"
        ))
    }

    /// What the workload had before: the template of the revision that was created last, and not
    /// the one that a rollback brought back. Nothing, where that cannot be told.
    pub(super) fn baseline(&self) -> Baseline {
        match self.revisions {
            Revisions::Known(_) => {}
            Revisions::OutOfReach { .. } => return Baseline::old_object(),
            Revisions::Unknown { .. } => return Baseline::nothing(),
        }
        let Some(present) = Template::of(self.present).here() else {
            return Baseline::old_object();
        };
        match self.last_created() {
            Some(last) if self.none_is_missing_since(last) => {
                if same(last.template(), present) {
                    Baseline::old_object()
                } else {
                    Baseline::old_object_with(without_hashes(last.template().clone()))
                }
            }
            _ => Baseline::nothing(),
        }
    }

    /// The revision that was created last; `None` where two of one second cannot be told apart.
    fn last_created(&self) -> Option<&'a Revision> {
        // Which number a ControllerRevision has now is all that is known of it.
        let age = |revision: &Revision| {
            (
                revision.created,
                revision.first_number().or(revision.number),
            )
        };
        let last = self.counted().max_by_key(|revision| age(revision))?;
        let alike =
            |other: &Revision| age(other) == age(last) && !same(other.template(), last.template());
        (!self.counted().any(alike)).then_some(last)
    }

    /// Whether a revision has each number that was given since this one was created. A number that
    /// none has is that of a deleted revision, which may have been created later.
    fn none_is_missing_since(&self, last: &Revision) -> bool {
        let Some(first) = last.first_number() else {
            return true;
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

    /// Says that revisions were deleted that may tell what the workload had before.
    fn lost(&self) -> Option<String> {
        let last = self.last_created()?;
        (!self.none_is_missing_since(last)).then(|| {
            format!(
                "revisions that are newer than {} were deleted, so faults that were there before cannot be told from new ones",
                last.name
            )
        })
    }

    /// Whether `kubectl rollout undo` of the present template would be a rollback.
    pub(super) fn undo(&self) -> Undo {
        match self.revisions {
            Revisions::Unknown { why } | Revisions::OutOfReach { why } => {
                Undo::Unknown { why: why.clone() }
            }
            Revisions::Known(_) if self.undo_passes() => Undo::Passes,
            Revisions::Known(_) => Undo::NotPossible,
        }
    }

    fn undo_passes(&self) -> bool {
        // kubectl refuses to undo a paused Deployment.
        let refused = self.present.paused() && self.present.kind() == Kind::Deployment;
        let Some(held) = self.holder().filter(|_| !refused) else {
            return false;
        };
        let older = |revision: &Revision| revision.name != held.name && revision.is_not_after(held);
        match self.previous() {
            Previous::Unnumbered => self.counted().any(older),
            Previous::Revision(previous) => {
                let first = self.first_with(previous.template());
                first.is_some_and(older) || self.is_present(previous)
            }
            Previous::None => false,
        }
    }

    /// Whether this revision has the present template: going back to it undoes a restart.
    fn is_present(&self, revision: &Revision) -> bool {
        let present = Template::of(self.present).here();
        present.is_some_and(|present| same(present, revision.template()))
    }

    /// The revision that an undo goes back to: the one with the highest number but one. kubectl and
    /// the controllers look at all that the workload owns.
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

    /// The revision that holds the present template; the newest one, where none does yet.
    fn holder(&self) -> Option<&'a Revision> {
        self.present_revision().or_else(|| latest(self.counted()))
    }

    /// The revision that holds the present template.
    fn present_revision(&self) -> Option<&'a Revision> {
        *self.present_revision.get_or_init(|| {
            let template = Template::of(self.present).here();
            template.and_then(|template| self.first_with(template))
        })
    }

    /// The first revision with this template.
    fn first_with(&self, template: &Value) -> Option<&'a Revision> {
        let with_it = self
            .counted()
            .filter(|revision| same(revision.template(), template));
        with_it.min_by_key(|revision| age(revision))
    }

    /// The revisions that the controller of the workload made.
    fn counted(&self) -> impl Iterator<Item = &'a Revision> + use<'a> {
        self.all().iter().filter(|revision| revision.flaw.is_none())
    }

    fn all(&self) -> &'a [Revision] {
        match self.revisions {
            Revisions::Known(revisions) => revisions,
            Revisions::Unknown { .. } | Revisions::OutOfReach { .. } => &[],
        }
    }
}

enum Previous<'a> {
    Revision(&'a Revision),
    Unnumbered,
    None,
}

/// What sorts revisions by when they were created.
fn age(revision: &Revision) -> (Timestamp, Option<i64>) {
    (revision.created, revision.first_number())
}

fn latest<'a>(revisions: impl Iterator<Item = &'a Revision>) -> Option<&'a Revision> {
    revisions.max_by_key(|revision| age(revision))
}

fn same(one: &Value, other: &Value) -> bool {
    !matches!(compare(one, other), Difference::At(_))
}
