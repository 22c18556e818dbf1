//! What the earlier revisions tell: whether a template goes back, and whether an undo would.
//!
//! Only when a revision was created counts, never its number: the number moves when a revision is
//! rolled back to, and "earlier" would turn around. A template that equals several revisions (a
//! restart makes another of the same) counts as created with the first of them.

use jiff::Timestamp;
use serde_json::Value;

use super::template::{Difference, Template, compare, images};
use crate::revisions::{Revision, Revisions, Undo};
use crate::workload::Workload;

#[derive(Clone, Copy)]
pub(super) struct History<'a> {
    revisions: &'a Revisions,
}

impl<'a> History<'a> {
    pub(super) const fn new(revisions: &'a Revisions) -> Self {
        Self { revisions }
    }

    /// How it was told that the new template goes back to an earlier one; `None` when it does not.
    pub(super) fn goes_back(&self, old: &Workload, new: &Workload) -> Option<String> {
        let target = self.first_with(Template::of(new).here()?)?;
        let held = self.holder(old)?;
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
    pub(super) fn look_alike(&self, old: &Workload, new: &Workload) -> Option<String> {
        match Template::of(new).here() {
            Some(template) => self
                .same_images(old, template)
                .or_else(|| self.unreadable()),
            None => {
                Some("the template stands in another object, so it cannot be compared".to_owned())
            }
        }
    }

    /// Names the latest earlier revision with the same images and the first difference.
    fn same_images(&self, old: &Workload, template: &Value) -> Option<String> {
        let before = self.holder(old)?.created;
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
    pub(super) fn undo(&self, old: &Workload) -> Undo {
        if let Revisions::Unknown { why } = self.revisions {
            return Undo::Unknown { why: why.clone() };
        }
        // kubectl refuses to undo what is paused.
        let held = self.holder(old).filter(|_| !old.paused());
        let passes = held.is_some_and(|held| match self.previous() {
            Previous::Revision(previous) => self.undo_passes(previous, held, old),
            Previous::Unnumbered => self
                .known()
                .iter()
                .any(|revision| revision.created < held.created),
            Previous::None => false,
        });
        if passes {
            Undo::Passes
        } else {
            Undo::NotPossible
        }
    }

    /// Going back to this revision is a rollback, or the undo of a restart.
    fn undo_passes(&self, previous: &Revision, held: &Revision, old: &Workload) -> bool {
        let first = self.first_with(previous.template());
        let is_present = || {
            let present = Template::of(old).here();
            present.is_some_and(|present| {
                !matches!(compare(present, previous.template()), Difference::At(_))
            })
        };
        first.is_some_and(|first| first.created < held.created) || is_present()
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

    /// The revision that holds the old template; the newest one, where none does yet.
    fn holder(&self, old: &Workload) -> Option<&'a Revision> {
        let holder = Template::of(old)
            .here()
            .and_then(|template| self.first_with(template));
        holder.or_else(|| self.known().iter().max_by_key(|revision| revision.created))
    }

    fn first_with(&self, template: &Value) -> Option<&'a Revision> {
        let same = |revision: &&Revision| {
            !matches!(compare(revision.template(), template), Difference::At(_))
        };
        self.known()
            .iter()
            .filter(same)
            .min_by_key(|revision| revision.created)
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

/// When the newest of these was created.
pub(super) fn newest<'r>(
    revisions: impl Iterator<Item = &'r Revision>,
) -> Option<(&'r str, Timestamp)> {
    revisions
        .max_by_key(|revision| revision.created)
        .map(|revision| (revision.name.as_str(), revision.created))
}

/// When the oldest of these was created.
pub(super) fn oldest<'r>(
    revisions: impl Iterator<Item = &'r Revision>,
) -> Option<(&'r str, Timestamp)> {
    revisions
        .min_by_key(|revision| revision.created)
        .map(|revision| (revision.name.as_str(), revision.created))
}
