//! The report for people: a notice for each finding, in the look of rustc, and one line at the end.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{self, Write};

use rollgate_model::{Evidence, Finding, Outcome as Said, Severity, Verdict};

use super::super::notice::{Notice, Place, Tone};
use super::super::terminal::{BOLD, GREEN, RED, YELLOW, one_line};
use super::judge::{Checked, Outcome};
use super::report::{Report, Summary};
use crate::admission::{Answer, Judged};
use crate::config::{Action, Spot};

/// Writes what was found to standard output, and what could not be read to standard error.
pub(super) fn write(report: &Report) -> io::Result<()> {
    let mut errors = anstream::stderr().lock();
    for problem in &report.problems {
        write!(errors, "{}", Notice::from(problem).render())?;
    }
    let mut out = io::BufWriter::new(anstream::stdout().lock());
    for draft in drafts(report) {
        write!(out, "{}", draft.finish().render())?;
    }
    writeln!(out, "{}", summary(report))?;
    out.flush()
}

/// A notice that further workloads may join.
struct Draft<'a> {
    notice: Notice<'a>,
    /// About a workload as a whole: others of which the same is said join it.
    joins: bool,
    subjects: Vec<String>,
}

/// Places shown of a notice that several workloads joined.
const SHOWN: usize = 3;

fn drafts(report: &Report) -> Vec<Draft<'_>> {
    let mut drafts: Vec<Draft<'_>> = Vec::new();
    let mut whole: HashMap<_, usize> = HashMap::new();
    for draft in report.checked.iter().flat_map(of_workload) {
        let key = draft.joins.then(|| draft.key());
        match key.as_ref().and_then(|key| whole.get(key)) {
            Some(&first) => drafts[first].join(draft),
            None => {
                whole.extend(key.map(|key| (key, drafts.len())));
                drafts.push(draft);
            }
        }
    }
    drafts
}

impl<'a> Draft<'a> {
    fn key(&self) -> (Tone, String, String, String) {
        let rule = self.notice.rule.as_deref().unwrap_or_default();
        (
            self.notice.tone,
            rule.to_owned(),
            self.notice.title.to_string(),
            format!("{:?}", self.notice.notes),
        )
    }

    fn join(&mut self, other: Self) {
        self.subjects.extend(other.subjects);
        if self.notice.places.len() < SHOWN {
            self.notice.places.extend(other.notice.places);
        }
    }

    /// The notice, with the workloads that it is about named.
    fn finish(self) -> Notice<'a> {
        let Self {
            mut notice,
            subjects,
            ..
        } = self;
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

fn of_workload(checked: &Checked) -> Vec<Draft<'_>> {
    let Outcome::Decided(decision) = &checked.outcome else {
        return Vec::new();
    };
    let subject = format!("{} ({})", checked.title(), decision.rollout().change());
    let drafts = decision
        .judged()
        .iter()
        .flat_map(|judged| match &judged.said {
            Ok(verdict) => of_verdict(checked, judged, verdict),
            Err(error) => vec![of_failure(checked, judged, &error.to_string())],
        });
    drafts
        .map(|(notice, joins)| Draft {
            notice,
            joins,
            subjects: vec![subject.clone()],
        })
        .collect()
}

/// A policy that failed: not judged, unless its word does not count.
fn of_failure<'a>(checked: &'a Checked, judged: &'a Judged, error: &str) -> (Notice<'a>, bool) {
    let counts = judged.counts() != Answer::Allow;
    let notice = Notice {
        tone: if counts { Tone::Error } else { Tone::Warning },
        rule: Some(judged.policy.as_str().into()),
        title: format!("the policy could not judge: {error}").into(),
        places: vec![place(checked, "/metadata/name", None)],
        notes: vec![],
    };
    (notice, true)
}

fn of_verdict<'a>(
    checked: &'a Checked,
    judged: &'a Judged,
    verdict: &'a Verdict,
) -> Vec<(Notice<'a>, bool)> {
    let mut groups: Vec<(Tone, Vec<&Finding>)> = Vec::new();
    for finding in &verdict.findings {
        let tone = tone(judged, verdict, finding.severity);
        let same = |group: &&mut (Tone, Vec<&Finding>)| {
            group.0 == tone
                && group.1[0].rule == finding.rule
                && group.1[0].hint == finding.hint
                && !finding.path.is_empty()
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.1.push(finding),
            None => groups.push((tone, vec![finding])),
        }
    }
    let mut notices: Vec<_> = groups
        .iter()
        .map(|(tone, findings)| of_findings(checked, judged, *tone, findings))
        .collect();
    if notices.is_empty() && verdict.outcome != Said::Allow {
        notices.push(without_reason(
            checked,
            judged,
            tone(judged, verdict, Severity::Deny),
        ));
    }
    if verdict.outcome != Said::Allow
        && let Some((first, _)) = notices.first_mut()
    {
        first.notes.extend(until(verdict));
        first.notes.extend(
            verdict
                .evidence
                .iter()
                .map(|evidence| ("evidence", evidence_line(evidence).into())),
        );
    }
    notices
}

fn without_reason<'a>(checked: &'a Checked, judged: &'a Judged, tone: Tone) -> (Notice<'a>, bool) {
    let notice = Notice {
        tone,
        rule: Some(judged.policy.as_str().into()),
        title: "the policy gave no reason".into(),
        places: vec![place(checked, "/metadata/name", None)],
        notes: vec![],
    };
    (notice, true)
}

/// Findings of one rule in one workload: the first is told in full, the others at their places.
fn of_findings<'a>(
    checked: &'a Checked,
    judged: &'a Judged,
    tone: Tone,
    findings: &[&'a Finding],
) -> (Notice<'a>, bool) {
    let first = findings[0];
    let mut places = vec![place(checked, pointer(first), label(checked, first))];
    places.extend(
        findings[1..]
            .iter()
            .map(|other| place(checked, pointer(other), Some(other.message.as_str().into()))),
    );
    let mut notes = Vec::new();
    if first.existing {
        notes.push(("existing", "the object in --old has it too".into()));
    }
    notes.extend(
        first
            .hint
            .as_deref()
            .map(|hint| ("hint", Cow::Borrowed(hint))),
    );
    let notice = Notice {
        tone,
        rule: Some(format!("{}/{}", judged.policy, first.rule).into()),
        title: first.message.as_str().into(),
        places,
        notes,
    };
    (notice, first.path.is_empty())
}

/// Where to point: for an object as a whole, at its name.
pub(super) fn pointer(finding: &Finding) -> &str {
    if finding.path.is_empty() {
        "/metadata/name"
    } else {
        &finding.path
    }
}

fn place<'a>(checked: &'a Checked, pointer: &str, label: Option<Cow<'a, str>>) -> Place<'a> {
    let spans = &checked.origin.spans;
    let spot = Spot::new(spans.text(), &spans.locate(pointer).focus);
    Place {
        file: Cow::Borrowed(&checked.origin.file),
        spot: Some(spot),
        label,
    }
}

/// What is said beside the marked text.
fn label<'a>(checked: &Checked, finding: &Finding) -> Option<Cow<'a, str>> {
    let missing = missing(checked, &finding.path);
    let found = match (&missing, &finding.found) {
        (Some(field), Some(found)) => {
            Some(format!("`{field}` is not set here, which means {found}"))
        }
        (Some(field), None) => Some(format!("no `{field}` here")),
        (None, Some(found)) => Some(format!("found {found}")),
        (None, None) => None,
    };
    let expected = finding
        .expected
        .as_ref()
        .map(|expected| format!("expected {expected}"));
    let parts: Vec<String> = found.into_iter().chain(expected).collect();
    (!parts.is_empty()).then(|| parts.join("; ").into())
}

/// The first part of a pointer that does not stand in the source.
fn missing(checked: &Checked, pointer: &str) -> Option<String> {
    let ends = pointer
        .match_indices('/')
        .skip(1)
        .map(|(end, _)| end)
        .chain([pointer.len()]);
    let first = ends
        .map(|end| &pointer[..end])
        .find(|prefix| !checked.origin.spans.locate(prefix).exact)?;
    let field = first.rsplit('/').next()?;
    Some(field.replace("~1", "/").replace("~0", "~"))
}

/// How a finding sounds: as heavy as it is itself, but no heavier than what became of the verdict.
fn tone(judged: &Judged, verdict: &Verdict, severity: Severity) -> Tone {
    let rests_on_light = verdict
        .findings
        .iter()
        .all(|finding| finding.severity < Severity::Hold);
    let severity = match (&verdict.outcome, severity) {
        (Said::Allow, Severity::Hold | Severity::Deny) => Severity::Warn,
        (Said::Deny, _) if rests_on_light => Severity::Deny,
        (Said::Hold(_), _) if rests_on_light => Severity::Hold,
        (_, severity) => severity,
    };
    match (judged.action, severity) {
        (Action::Audit, _) => Tone::Audit,
        (_, Severity::Info) => Tone::Note,
        (_, Severity::Warn) | (Action::Warn, _) => Tone::Warning,
        (Action::Enforce, Severity::Hold) => Tone::Held,
        (Action::Enforce, Severity::Deny) => Tone::Denied,
    }
}

fn until(verdict: &Verdict) -> Option<(&'static str, Cow<'static, str>)> {
    match verdict.outcome {
        Said::Hold(Some(until)) => Some(("until", until.to_string().into())),
        Said::Hold(None) => Some(("until", "no end is known".into())),
        Said::Allow | Said::Deny => None,
    }
}

fn evidence_line(evidence: &Evidence) -> String {
    let bound = evidence
        .bound
        .as_ref()
        .map(|bound| format!(", wanted {bound}"))
        .unwrap_or_default();
    let at = evidence
        .at
        .map(|at| format!(" at {at}"))
        .unwrap_or_default();
    format!("{} is {}{bound}{at}", evidence.name, evidence.value)
}

/// One line: what the check adds up to.
fn summary(report: &Report) -> String {
    let numbers = report.summary();
    let mut parts = vec![workloads(&numbers)];
    parts.extend(plural(numbers.other_objects, "other object"));
    parts.extend(plural(numbers.problems, "problem"));
    if let Some(number) = plural(report.unmatched.len(), "policy") {
        let names: Vec<_> = report.unmatched.iter().map(|name| name.as_str()).collect();
        parts.push(format!(
            "{number} matched nothing: {}",
            one_line(&names.join(", "))
        ));
    }
    parts.join("; ")
}

fn workloads(numbers: &Summary) -> String {
    let standing = [
        (numbers.may_go, "may go", GREEN),
        (numbers.no_rollout, "no rollout", BOLD),
        (numbers.denied, "denied", RED),
        (numbers.held, "held", YELLOW),
        (numbers.not_judged, "not judged", RED),
    ];
    let parts: Vec<_> = standing
        .iter()
        .filter(|(number, ..)| *number > 0)
        .map(|(number, what, style)| format!("{style}{number} {what}{style:#}"))
        .collect();
    match plural(numbers.workloads, "workload") {
        Some(workloads) => format!("{workloads}: {}", parts.join(", ")),
        None => "no workloads".to_owned(),
    }
}

/// A number of things, or nothing where there are none.
fn plural(number: usize, what: &str) -> Option<String> {
    match (number, what.strip_suffix('y')) {
        (0, _) => None,
        (1, _) => Some(format!("1 {what}")),
        (_, Some(stem)) => Some(format!("{number} {stem}ies")),
        (_, None) => Some(format!("{number} {what}s")),
    }
}
