//! What the earlier revisions tell: whether a template goes back, and whether an undo would.
//!
//! Only when a revision was created counts, never its number: the number moves when a revision is
//! rolled back to, and "earlier" would turn around. A template that equals several revisions (a
//! restart makes another of the same) counts as created with the first of them.

use std::cell::OnceCell;

use serde_json::Value;

use super::template::{Difference, Template, compare, images};
use crate::kind::Kind;
use crate::revisions::{Revision, Revisions, Undo};
use crate::workload::Workload;

/// The revisions of a workload, seen from the template it has now.
pub(super) struct History<'a> {
    revisions: &'a Revisions,
    present: &'a Workload,
    holder: OnceCell<Option<&'a Revision>>,
}

impl<'a> History<'a> {
    pub(super) const fn new(revisions: &'a Revisions, present: &'a Workload) -> Self {
        Self {
            revisions,
            present,
            holder: OnceCell::new(),
        }
    }

    /// Whether one of the revisions has the present template.
    pub(super) fn is_held(&self) -> bool {
        let present = Template::of(self.present).here();
        present.is_some_and(|present| self.first_with(present).is_some())
    }

    /// How it was told that the new template goes back to an earlier one; `None` when it does not.
    pub(super) fn goes_back(&self, new: &Workload) -> Option<String> {
        let target = self.first_with(Template::of(new).here()?)?;
        let held = self.holder()?;
        (target.created < held.created).then(|| {
            format!(
                "the template is that of revision {}, which was created before the present one, {}",
                target.name, held.name
            )
        })
    }

    /// How it was told that a template which goes on is older than one that has Pods.
    pub(super) fn runs_newer(&self, workload: &Workload) -> Option<String> {
        let target = self.first_with(Template::of(workload).here()?)?;
        let newer = self
            .known()
            .iter()
            .filter(|revision| revision.has_pods == Some(true) && revision.created > target.created)
            .max_by_key(|revision| revision.created)?;
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
                .simultaneous(template)
                .or_else(|| self.same_images(template))
                .or_else(|| self.unreadable()),
            None => {
                Some("the template stands in another object, so it cannot be compared".to_owned())
            }
        }
    }

    /// A creation time has no fractions of a second (metav1.Time), and a number moves: which of two
    /// revisions of one second came first cannot be told, so going to either is no rollback.
    fn simultaneous(&self, template: &Value) -> Option<String> {
        let (target, held) = (self.first_with(template)?, self.holder()?);
        (target.created == held.created && target.name != held.name).then(|| {
            format!(
                "the template is that of revision {}, but which came first, it or the present one, {}, cannot be told: both were created in the same second",
                target.name, held.name
            )
        })
    }

    /// Names the latest earlier revision with the same images and the first difference.
    fn same_images(&self, template: &Value) -> Option<String> {
        let before = self.holder()?.created;
        let wanted = images(template);
        let alike = self
            .known()
            .iter()
            .filter(|revision| revision.created < before && images(revision.template()) == wanted)
            .max_by_key(|revision| revision.created)?;
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
        match self.revisions {
            Revisions::Known(_) => None,
            Revisions::Unknown { why } => Some(format!(
                "whether this goes back to an earlier revision could not be told: {why}"
            )),
        }
    }

    /// Whether `kubectl rollout undo` of the present template would be a rollback.
    pub(super) fn undo(&self) -> Undo {
        match self.revisions {
            Revisions::Unknown { why } => Undo::Unknown { why: why.clone() },
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
        let older = |revision: &Revision| revision.created < held.created;
        match self.previous() {
            Previous::Unnumbered => self.known().iter().any(older),
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

    /// The revision that an undo goes back to: the one with the highest number but one.
    fn previous(&self) -> Previous<'a> {
        let mut numbered: Vec<_> = self
            .known()
            .iter()
            .filter_map(|revision| Some((revision.number?, revision)))
            .collect();
        if numbered.len() < self.known().len() {
            return Previous::Unnumbered;
        }
        numbered.sort_unstable_by_key(|(number, _)| std::cmp::Reverse(*number));
        numbered
            .get(1)
            .map_or(Previous::None, |(_, revision)| Previous::Revision(revision))
    }

    /// The revision that holds the present template; the newest one, where none does yet.
    fn holder(&self) -> Option<&'a Revision> {
        *self.holder.get_or_init(|| {
            let template = Template::of(self.present).here();
            let holder = template.and_then(|template| self.first_with(template));
            holder.or_else(|| self.known().iter().max_by_key(|revision| revision.created))
        })
    }

    /// The first revision with this template.
    fn first_with(&self, template: &Value) -> Option<&'a Revision> {
        let with_it = self
            .known()
            .iter()
            .filter(|revision| same(revision.template(), template));
        with_it.min_by_key(|revision| revision.created)
    }

    fn known(&self) -> &'a [Revision] {
        match self.revisions {
            Revisions::Known(revisions) => revisions,
            Revisions::Unknown { .. } => &[],
        }
    }
}

enum Previous<'a> {
    Revision(&'a Revision),
    Unnumbered,
    None,
}

fn same(one: &Value, other: &Value) -> bool {
    !matches!(compare(one, other), Difference::At(_))
}
