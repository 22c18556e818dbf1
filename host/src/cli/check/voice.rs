//! What one policy says of one workload, as notices.

use std::borrow::Cow;

use rollgate_model::{Evidence, Finding, Outcome, Severity, TemplateRef, Verdict};

use super::super::notice::{Notice, Place, Tone};
use super::judge::Checked;
use crate::admission::{Decision, NoVerdict, PolicyResult};
use crate::config::{Action, Spot, missing};

/// One policy's word on one workload.
#[derive(Clone, Copy)]
pub(super) struct Voice<'a> {
    pub(super) checked: &'a Checked,
    pub(super) decision: &'a Decision,
    pub(super) judged: &'a PolicyResult,
}

/// Something to tell.
pub(super) struct Told<'a> {
    pub(super) notice: Notice<'a>,
    /// About the workload as a whole, so that other workloads may share it.
    pub(super) of_the_whole: bool,
}

/// Where to point: for an object as a whole, at its name.
pub(super) fn pointer(finding: &Finding) -> &str {
    if finding.path.is_empty() {
        "/metadata/name"
    } else {
        &finding.path
    }
}

impl<'a> Voice<'a> {
    /// All that there is to tell.
    pub(super) fn told(self) -> Vec<Told<'a>> {
        match &self.judged.verdict {
            Ok(verdict) => self.verdict(verdict),
            Err(error) => vec![self.failure(error)],
        }
    }

    /// A policy that failed has not judged, unless its word does not count.
    fn failure(self, error: &NoVerdict) -> Told<'a> {
        let counts = self.judged.effect() != Outcome::Allow;
        let tone = if counts { Tone::Error } else { Tone::Warning };
        let title = match error {
            // Why stands among the problems already.
            NoVerdict::NotLoaded(_) => "the policy did not judge: it is not loaded".to_owned(),
            NoVerdict::Failed(error) => format!("the policy could not be evaluated: {error}"),
        };
        self.of_the_whole(tone, title)
    }

    fn of_the_whole(self, tone: Tone, title: String) -> Told<'a> {
        let notice = Notice {
            tone,
            rule: Some(self.judged.policy.as_str().into()),
            title: title.into(),
            places: vec![self.place("/metadata/name", None)],
            notes: vec![],
        };
        Told {
            notice,
            of_the_whole: true,
        }
    }

    fn verdict(self, verdict: &'a Verdict) -> Vec<Told<'a>> {
        let groups = self.groups(verdict);
        let mut told: Vec<_> = groups
            .iter()
            .map(|(tone, findings)| self.findings(*tone, findings))
            .collect();
        let breaches = verdict.breaches().iter().map(|breach| {
            let title = format!("the policy's verdict breaks the contract: {breach}");
            self.of_the_whole(Tone::Warning, title)
        });
        if verdict.outcome == Outcome::Allow {
            told.extend(breaches);
            return told;
        }
        if told.is_empty() {
            let tone = self.tone(verdict, Severity::Deny);
            told.push(self.of_the_whole(tone, "the policy gave no reason".to_owned()));
        }
        let notes = &mut told[0].notice.notes;
        notes.extend(until(verdict));
        notes.extend(
            verdict
                .evidence
                .iter()
                .map(|evidence| ("evidence", evidence_line(evidence).into())),
        );
        told.extend(breaches);
        told
    }

    /// The findings, those of one rule with one hint together.
    fn groups(self, verdict: &'a Verdict) -> Vec<(Tone, Vec<&'a Finding>)> {
        let mut groups: Vec<(Tone, Vec<&Finding>)> = Vec::new();
        for finding in &verdict.findings {
            let tone = self.tone(verdict, finding.severity);
            let same = |(other, findings): &&mut (Tone, Vec<&Finding>)| {
                let first = findings[0];
                *other == tone
                    && first.rule == finding.rule
                    && first.hint == finding.hint
                    && !finding.path.is_empty()
            };
            match groups.iter_mut().find(same) {
                Some((_, findings)) => findings.push(finding),
                None => groups.push((tone, vec![finding])),
            }
        }
        groups
    }

    /// Findings of one rule: the first is told in full, the others at their places.
    fn findings(self, tone: Tone, findings: &[&'a Finding]) -> Told<'a> {
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
            tone,
            rule: Some(format!("{}/{}", self.judged.policy, first.rule).into()),
            title: first.message.as_str().into(),
            places,
            notes: existing.into_iter().chain(hint).collect(),
        };
        Told {
            notice,
            of_the_whole: first.path.is_empty(),
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

    /// What is said beside the marked text.
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

    /// What is said beside a further place of the same rule: what the title does not say of it.
    fn further_label(self, finding: &'a Finding) -> Option<Cow<'a, str>> {
        match self.missing(finding) {
            Some(_) => self.label(finding),
            None => Some(Cow::Borrowed(&finding.message)),
        }
    }

    /// The object that holds what a pointer leads to, where that is not this one, and the way in the
    /// template there.
    fn referred<'p>(self, pointer: &'p str) -> Option<(&'a TemplateRef, &'p str)> {
        let reference = self.decision.rollout().subject().template_ref()?;
        Some((reference, pointer.strip_prefix("/spec/template")?))
    }

    fn missing(self, finding: &Finding) -> Option<String> {
        missing(&self.checked.origin.spans, &finding.path)
    }

    /// How a finding sounds: as heavy as it is itself, but no heavier than what becomes of it.
    fn tone(self, verdict: &Verdict, severity: Severity) -> Tone {
        let all_light = verdict
            .findings
            .iter()
            .all(|finding| finding.severity < Severity::Hold);
        let severity = match (&verdict.outcome, severity) {
            (Outcome::Deny, _) if all_light => Severity::Deny,
            (Outcome::Hold(_), _) if all_light => Severity::Hold,
            (_, severity) => severity,
        };
        match (self.judged.action, severity) {
            (Action::Audit, _) => Tone::Audit,
            (_, Severity::Info) => Tone::Note,
            (_, Severity::Warn) | (Action::Warn, _) => Tone::Warning,
            (Action::Enforce, Severity::Hold) => Tone::Held,
            (Action::Enforce, Severity::Deny) => Tone::Denied,
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
