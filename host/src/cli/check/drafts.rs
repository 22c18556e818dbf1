//! What is told of each workload. The same said of several workloads as a whole, such as that it is
//! not the time for rollouts, is told once.

use std::collections::HashMap;

use super::super::notice::{Notice, Place, Tone};
use super::judge::{Checked, Evaluation};
use super::voice::{Told, Voice};

/// Places shown, and workloads named, of a notice that several workloads share.
const SHOWN: usize = 3;

/// The notices of all workloads, in their order.
pub(super) fn notices(checked: &[Checked]) -> Vec<Notice<'_>> {
    let mut drafts: Vec<Draft<'_>> = Vec::new();
    let mut first_of: HashMap<Key, usize> = HashMap::new();
    for draft in checked.iter().flat_map(of_workload) {
        let key = draft.told.of_the_whole.then(|| draft.key());
        match key.as_ref().and_then(|key| first_of.get(key)) {
            Some(&first) => drafts[first].join(draft),
            None => {
                first_of.extend(key.map(|key| (key, drafts.len())));
                drafts.push(draft);
            }
        }
    }
    drafts.into_iter().map(Draft::finish).collect()
}

/// A notice that further workloads may join.
struct Draft<'a> {
    told: Told<'a>,
    subjects: Vec<String>,
}

/// Tone, rule, title and notes.
type Key = (Tone, String, String, String);

fn of_workload(checked: &Checked) -> Vec<Draft<'_>> {
    let Evaluation::Decided(decision) = &checked.outcome else {
        return Vec::new();
    };
    let subject = format!("{} ({})", checked.title(), decision.rollout().change());
    let told = decision.results().iter().flat_map(|judged| {
        Voice {
            checked,
            decision,
            judged,
        }
        .told()
    });
    told.map(|told| Draft {
        told,
        subjects: vec![subject.clone()],
    })
    .collect()
}

impl<'a> Draft<'a> {
    fn key(&self) -> Key {
        let notice = &self.told.notice;
        let rule = notice.rule.as_deref().unwrap_or_default();
        (
            notice.tone,
            rule.to_owned(),
            notice.title.to_string(),
            format!("{:?}", notice.notes),
        )
    }

    fn join(&mut self, other: Self) {
        self.subjects.extend(other.subjects);
        let places = &mut self.told.notice.places;
        if places.len() < SHOWN {
            // The label is the same, too.
            places.extend(other.told.notice.places.into_iter().map(|place| Place {
                label: None,
                ..place
            }));
        }
    }

    /// The notice, with the workloads that it is about named.
    fn finish(self) -> Notice<'a> {
        let Self { told, subjects } = self;
        let mut notice = told.notice;
        let rest = subjects.len().saturating_sub(SHOWN);
        let named = subjects[..subjects.len() - rest].join(", ");
        let note = match (subjects.len(), rest) {
            (1, _) => ("workload", named),
            (_, 0) => ("workloads", named),
            _ => ("workloads", format!("{named} and {rest} more")),
        };
        notice.notes.insert(0, (note.0, note.1.into()));
        notice
    }
}
