//! The revisions of a list, with the templates of as many as there is memory for.

use jiff::Timestamp;
use rollgate_model::Revision;

/// The memory for the Pod templates of one list. Of the others only digests are kept.
const MAX_BYTES: usize = 4 << 20;

/// The revisions that were read so far.
#[derive(Default)]
pub(super) struct Kept {
    revisions: Vec<Revision>,
    bytes: usize,
}

impl Kept {
    /// Adds a revision. If the templates then take too much memory, those of the oldest revisions are
    /// forgotten; that of the newest is always kept, since findings may be compared with it.
    pub(super) fn push(&mut self, revision: Revision) {
        self.bytes += revision.template_bytes();
        self.revisions.push(revision);
        while self.bytes > MAX_BYTES {
            let mut with_template: Vec<_> = self
                .revisions
                .iter_mut()
                .filter(|revision| revision.template().is_some())
                .collect();
            with_template.sort_by_key(|revision| worth(revision));
            let [oldest, _, ..] = with_template.as_mut_slice() else {
                return;
            };
            self.bytes -= oldest.template_bytes();
            oldest.forget_template();
        }
    }

    /// Returns them in the order of the list.
    pub(super) fn revisions(self) -> Vec<Revision> {
        self.revisions
    }
}

/// The key by which a template is kept before others: the controller's own, then the newest.
fn worth(revision: &Revision) -> (bool, Timestamp, Option<i64>) {
    let number = revision.first_number().or(revision.number);
    (revision.flaw.is_none(), revision.created, number)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn revision(day: usize, bytes: usize) -> Revision {
        let template = json!({"metadata": {"annotations": {"note": "x".repeat(bytes)}}});
        let created = format!("2026-01-{day:02}T00:00:00Z");
        Revision::new(
            format!("r-{day}"),
            created.parse().expect("an instant"),
            template,
        )
    }

    fn with_templates(sizes: &[(usize, usize)]) -> Vec<String> {
        let mut kept = Kept::default();
        for (day, bytes) in sizes {
            kept.push(revision(*day, *bytes));
        }
        let revisions = kept.revisions().into_iter();
        let known = revisions.filter(|revision| revision.template().is_some());
        known.map(|revision| revision.name).collect()
    }

    #[test]
    fn templates_of_the_newest_revisions_are_kept() {
        let third = MAX_BYTES / 3;
        let sizes = [(3, third), (1, third), (4, third), (2, third)];
        assert_eq!(with_templates(&sizes), ["r-3", "r-4"]);
        assert_eq!(with_templates(&[(1, 10), (2, 10)]), ["r-1", "r-2"]);
    }

    #[test]
    fn template_of_the_newest_revision_is_kept_however_large() {
        let sizes = [(1, 10), (2, 2 * MAX_BYTES)];
        assert_eq!(with_templates(&sizes), ["r-2"]);
    }
}
