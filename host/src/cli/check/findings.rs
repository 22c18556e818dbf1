//! The findings of one policy for one workload, as notices.

use std::borrow::Cow;

use rollgate_model::{Evidence, Finding, Outcome, Severity, TemplateRef, Verdict};

use super::super::notice::{Notice, NoticeLevel, Place};
use super::evaluate::Checked;
use crate::admission::{Decision, NoVerdict, PolicyResult};
use crate::config::{Action, Spot, missing};

/// The result of one policy for one workload.
#[derive(Clone, Copy)]
pub(super) struct PolicyFindings<'a> {
    pub(super) checked: &'a Checked,
    pub(super) decision: &'a Decision,
    pub(super) result: &'a PolicyResult,
}

/// A notice of one workload.
pub(super) struct FindingNotice<'a> {
    pub(super) notice: Notice<'a>,
    /// It is about the workload as a whole, so several workloads may share it.
    pub(super) about_the_workload: bool,
}

/// Returns where a finding points: for an object as a whole, at its name.
pub(super) fn pointer(finding: &Finding) -> &str {
    if finding.path.is_empty() {
        "/metadata/name"
    } else {
        &finding.path
    }
}

impl<'a> PolicyFindings<'a> {
    pub(super) fn notices(self) -> Vec<FindingNotice<'a>> {
        match &self.result.verdict {
            Ok(verdict) => self.verdict(verdict),
            Err(error) => vec![self.failure(error)],
        }
    }

    /// A failure is an error, unless it has no effect.
    fn failure(self, error: &NoVerdict) -> FindingNotice<'a> {
        let level = if self.result.blocks() {
            NoticeLevel::Error
        } else {
            NoticeLevel::Warning
        };
        let title = match error {
            NoVerdict::Loading => error.to_string(),
            // The problems of the report say why.
            NoVerdict::NotLoaded(_) => "the policy was not evaluated: it is not loaded".to_owned(),
            NoVerdict::Failed(error) => format!("the policy could not be evaluated: {error}"),
        };
        self.about_the_workload(level, title)
    }

    fn about_the_workload(self, level: NoticeLevel, title: String) -> FindingNotice<'a> {
        let notice = Notice {
            level,
            rule: Some(self.result.policy.as_str().into()),
            title: title.into(),
            places: vec![self.place("/metadata/name", None)],
            notes: vec![],
        };
        FindingNotice {
            notice,
            about_the_workload: true,
        }
    }

    fn verdict(self, verdict: &'a Verdict) -> Vec<FindingNotice<'a>> {
        let groups = self.groups(verdict);
        let mut notices: Vec<_> = groups
            .iter()
            .map(|(level, findings)| self.findings(*level, findings))
            .collect();
        let violations = verdict.violations().iter().map(|breach| {
            let title = format!("the policy's verdict breaks the contract: {breach}");
            self.about_the_workload(NoticeLevel::Warning, title)
        });
        if verdict.outcome == Outcome::Allow {
            notices.extend(violations);
            return notices;
        }
        if notices.is_empty() {
            let level = self.level(verdict, Severity::Deny);
            notices.push(self.about_the_workload(level, "the policy gave no reason".to_owned()));
        }
        let notes = &mut notices[0].notice.notes;
        notes.extend(until(verdict));
        notes.extend(
            verdict
                .evidence
                .iter()
                .map(|evidence| ("evidence", evidence_line(evidence).into())),
        );
        notices.extend(violations);
        notices
    }

    /// Groups the findings of one rule with one hint.
    fn groups(self, verdict: &'a Verdict) -> Vec<(NoticeLevel, Vec<&'a Finding>)> {
        let mut groups: Vec<(NoticeLevel, Vec<&Finding>)> = Vec::new();
        for finding in &verdict.findings {
            let level = self.level(verdict, finding.severity);
            let same = |(other, findings): &&mut (NoticeLevel, Vec<&Finding>)| {
                let first = findings[0];
                *other == level
                    && first.rule == finding.rule
                    && first.hint == finding.hint
                    && !finding.path.is_empty()
            };
            match groups.iter_mut().find(same) {
                Some((_, findings)) => findings.push(finding),
                None => groups.push((level, vec![finding])),
            }
        }
        groups
    }

    /// Returns one notice for the findings of one rule: the first in full, the others with their places.
    fn findings(self, level: NoticeLevel, findings: &[&'a Finding]) -> FindingNotice<'a> {
        let first = findings[0];
        let mut places = vec![self.place(pointer(first), self.label(first))];
        let others = findings[1..].iter();
        places.extend(others.map(|other| self.place(pointer(other), self.further_label(other))));
        let existing = first
            .existing
            .then_some(("existing", "the object in --old has it too".into()));
        let hint = first
            .hint
            .as_deref()
            .map(|hint| ("hint", Cow::Borrowed(hint)));
        let notice = Notice {
            level,
            rule: Some(format!("{}/{}", self.result.policy, first.rule).into()),
            title: first.message.as_str().into(),
            places,
            notes: existing.into_iter().chain(hint).collect(),
        };
        FindingNotice {
            notice,
            about_the_workload: first.path.is_empty(),
        }
    }

    fn place(self, pointer: &str, label: Option<Cow<'a, str>>) -> Place<'a> {
        let spans = &self.checked.origin.spans;
        let pointer = match self.referred(pointer) {
            Some(_) => "/spec/workloadRef",
            None => pointer,
        };
        let spot = Spot::new(spans.text(), &spans.locate(pointer).focus);
        Place {
            file: Cow::Borrowed(&self.checked.origin.file),
            spot: Some(spot),
            label,
        }
    }

    /// Returns the label of the marked text.
    fn label(self, finding: &Finding) -> Option<Cow<'a, str>> {
        let by_default = self
            .decision
            .rollout()
            .subject()
            .json(&finding.path)
            .is_some();
        if let Some((reference, below)) = self.referred(&finding.path) {
            return Some(format!("in the template of {reference}: {below}").into());
        }
        let found = match (self.missing(finding), &finding.found) {
            (Some(field), Some(found)) if by_default => {
                Some(format!("`{field}` is not set here, which means {found}"))
            }
            (Some(field), _) => return Some(format!("no `{field}` here").into()),
            (None, found) => found.as_ref().map(|found| format!("found {found}")),
        };
        let expected = finding
            .expected
            .iter()
            .map(|expected| format!("expected {expected}"));
        let parts: Vec<String> = found.into_iter().chain(expected).collect();
        (!parts.is_empty()).then(|| parts.join("; ").into())
    }

    /// Returns the label of a further place of the same rule.
    fn further_label(self, finding: &'a Finding) -> Option<Cow<'a, str>> {
        match self.missing(finding) {
            Some(_) => self.label(finding),
            None => Some(Cow::Borrowed(&finding.message)),
        }
    }

    /// Returns the object that the template of an Argo Rollout is in, and the pointer in that template.
    fn referred<'p>(self, pointer: &'p str) -> Option<(&'a TemplateRef, &'p str)> {
        let reference = self.decision.rollout().subject().template_ref()?;
        Some((reference, pointer.strip_prefix("/spec/template")?))
    }

    fn missing(self, finding: &Finding) -> Option<String> {
        missing(&self.checked.origin.spans, &finding.path)
    }

    /// Returns the level of a finding: as severe as the finding, but not more than its effect.
    fn level(self, verdict: &Verdict, severity: Severity) -> NoticeLevel {
        let none_severe = verdict
            .findings
            .iter()
            .all(|finding| finding.severity < Severity::Hold);
        let severity = match (&verdict.outcome, severity) {
            (Outcome::Deny, _) if none_severe => Severity::Deny,
            (Outcome::Hold(_), _) if none_severe => Severity::Hold,
            (_, severity) => severity,
        };
        match (self.result.action, severity) {
            (Action::Audit, _) => NoticeLevel::Audit,
            (_, Severity::Info) => NoticeLevel::Note,
            (_, Severity::Warn) | (Action::Warn, _) => NoticeLevel::Warning,
            (Action::Enforce, Severity::Hold) => NoticeLevel::Held,
            (Action::Enforce, Severity::Deny) => NoticeLevel::Denied,
        }
    }
}

fn until(verdict: &Verdict) -> Option<(&'static str, Cow<'static, str>)> {
    match verdict.outcome {
        Outcome::Hold(Some(until)) => Some(("until", until.to_string().into())),
        Outcome::Hold(None) => Some(("until", "no end is known".into())),
        Outcome::Allow | Outcome::Deny => None,
    }
}

fn evidence_line(evidence: &Evidence) -> String {
    let bound = evidence
        .bound
        .iter()
        .map(|bound| format!(", wanted {bound}"));
    let at = evidence.at.iter().map(|at| format!(", at {at}"));
    format!(
        "{} is {}{}",
        evidence.name,
        evidence.value,
        bound.chain(at).collect::<String>()
    )
}
