//! The notices of a report. What is said of several workloads as a whole, such as that rollouts are
//! frozen, becomes one notice.

use std::collections::HashMap;

use super::super::notice::{Notice, NoticeLevel, Place};
use super::evaluate::{Checked, DryRunOutcome, DryRunResult, Evaluation};
use super::findings::{FindingNotice, PolicyFindings};

/// Places shown, and workloads named, in a notice that several workloads share.
const SHOWN: usize = 3;

/// Returns the notices of all workloads, in their order.
pub(super) fn notices(checked: &[Checked]) -> Vec<Notice<'_>> {
    let mut notices: Vec<SharedNotice<'_>> = Vec::new();
    let mut first_of: HashMap<Key, usize> = HashMap::new();
    for notice in checked.iter().flat_map(of_workload) {
        let key = notice.content.about_the_workload.then(|| notice.key());
        match key.as_ref().and_then(|key| first_of.get(key)) {
            Some(&first) => notices[first].join(notice),
            None => {
                first_of.extend(key.map(|key| (key, notices.len())));
                notices.push(notice);
            }
        }
    }
    notices.into_iter().map(SharedNotice::finish).collect()
}

/// A notice that several workloads may share.
struct SharedNotice<'a> {
    content: FindingNotice<'a>,
    subjects: Vec<String>,
}

/// Level, rule, title and notes.
type Key = (NoticeLevel, String, String, String);

fn of_workload(checked: &Checked) -> Vec<SharedNotice<'_>> {
    let (subject, contents) = match &checked.evaluation {
        Evaluation::NotARollout(_) | Evaluation::NoPolicy => return Vec::new(),
        Evaluation::Decided(decision) => {
            let contents = decision.results().iter().flat_map(|result| {
                let findings = PolicyFindings {
                    checked,
                    decision,
                    result,
                };
                findings.notices()
            });
            let change = decision.rollout().change();
            (
                format!("{} ({change})", checked.title()),
                contents.collect(),
            )
        }
        Evaluation::DryRun(result) => (checked.title(), of_dry_run(checked, result)),
    };
    let notices = contents
        .into_iter()
        .map(|content: FindingNotice<'_>| SharedNotice {
            content,
            subjects: vec![subject.clone()],
        });
    notices.collect()
}

/// Returns the notices of a dry run: the reasons of a denial, and the warnings.
fn of_dry_run<'a>(checked: &'a Checked, result: &'a DryRunResult) -> Vec<FindingNotice<'a>> {
    let notice = |level, title: String, notes| FindingNotice {
        notice: Notice {
            level,
            rule: None,
            title: title.into(),
            places: vec![Place {
                file: (&*checked.origin.file).into(),
                spot: None,
                label: None,
            }],
            notes,
        },
        about_the_workload: true,
    };
    let level = match &result.outcome {
        DryRunOutcome::Allowed => None,
        DryRunOutcome::Held { .. } => Some(NoticeLevel::Held),
        DryRunOutcome::Denied { .. } => Some(NoticeLevel::Denied),
        DryRunOutcome::Unknown { .. } => Some(NoticeLevel::Error),
    };
    let blocked = level.zip(result.message()).map(|(level, message)| {
        let mut paragraphs = paragraphs(message).into_iter();
        let title = paragraphs.next().unwrap_or_default();
        let notes = paragraphs.map(|text| ("message", text.into()));
        notice(level, title, notes.collect())
    });
    let warnings = result.warnings.iter();
    let warnings =
        warnings.map(|warning| notice(NoticeLevel::Warning, warning.clone(), Vec::new()));
    blocked.into_iter().chain(warnings).collect()
}

/// Joins the wrapped lines of a message: an indented line continues the one before.
fn paragraphs(message: &str) -> Vec<String> {
    let mut paragraphs: Vec<String> = Vec::new();
    for line in message.lines().filter(|line| !line.trim().is_empty()) {
        match paragraphs.last_mut() {
            Some(last) if line.starts_with(' ') => {
                last.push(' ');
                last.push_str(line.trim());
            }
            _ => paragraphs.push(line.trim_start_matches("- ").to_owned()),
        }
    }
    paragraphs
}

impl<'a> SharedNotice<'a> {
    fn key(&self) -> Key {
        let notice = &self.content.notice;
        let rule = notice.rule.as_deref().unwrap_or_default();
        (
            notice.level,
            rule.to_owned(),
            notice.title.to_string(),
            format!("{:?}", notice.notes),
        )
    }

    fn join(&mut self, other: Self) {
        self.subjects.extend(other.subjects);
        let places = &mut self.content.notice.places;
        if places.len() < SHOWN {
            // The label would be the same.
            places.extend(other.content.notice.places.into_iter().map(|place| Place {
                label: None,
                ..place
            }));
        }
    }

    /// Returns the notice with the names of its workloads.
    fn finish(self) -> Notice<'a> {
        let Self { content, subjects } = self;
        let mut notice = content.notice;
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
