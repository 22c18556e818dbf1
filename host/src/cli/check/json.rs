//! The report for programs. Its format is versioned: within a version, fields are only added.

use jiff::Timestamp;
use rollgate_model::{Evidence, Finding, Outcome, Severity};
use serde::Serialize;

use super::judge::{Checked, Evaluation, Standing};
use super::report::{Report, Summary};
use crate::admission::PolicyResult;
use crate::admission::overrides::TemplateHash;
use crate::config::{Action, OnError, PolicyName, Problem};

/// The version of the format.
const VERSION: u32 = 1;

/// The whole report.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document<'a> {
    version: u32,
    /// The instant at which the workloads were judged.
    now: Timestamp,
    summary: Summary,
    /// As the process exits.
    exit_code: u8,
    workloads: Vec<Workload<'a>>,
    problems: Vec<Unread<'a>>,
    /// What may not be what the user meant.
    warnings: Vec<Unread<'a>>,
    /// The policies that no workload matched.
    unmatched_policies: Vec<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Workload<'a> {
    #[serde(flatten)]
    place: Place<'a>,
    api_version: &'static str,
    kind: &'static str,
    namespace: &'a str,
    name: &'a str,
    result: Standing,
    /// The class of the change; absent where it is no rollout.
    change: Option<&'static str>,
    /// Names the template: what an override may be limited to. Absent where it is no rollout.
    template_hash: Option<String>,
    /// How the class was told, or why it is no rollout.
    note: Option<&'a str>,
    /// From when on it may go; absent unless it is held until an instant that is known.
    held_until: Option<Timestamp>,
    policies: Vec<Policy<'a>>,
}

/// A place in a file; lines and columns count from 1, columns in characters.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Place<'a> {
    file: &'a str,
    line: Option<u32>,
    column: Option<u32>,
}

/// What one policy said.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Policy<'a> {
    policy: &'a str,
    action: Action,
    on_error: OnError,
    /// `allow`, `hold`, `deny` or `error`.
    said: &'static str,
    held_until: Option<Timestamp>,
    error: Option<Failed>,
    findings: Vec<Found<'a>>,
    evidence: Vec<Shown<'a>>,
    /// What in the verdict breaks the contract; absent where nothing does.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    breaches: Vec<String>,
}

#[derive(Serialize)]
struct Failed {
    kind: &'static str,
    message: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Found<'a> {
    rule: &'a str,
    severity: Severity,
    #[serde(flatten)]
    place: Place<'a>,
    /// RFC 6901 pointer into the object.
    path: &'a str,
    message: &'a str,
    found: Option<&'a str>,
    expected: Option<&'a str>,
    hint: Option<&'a str>,
    existing: bool,
}

#[derive(Serialize)]
struct Shown<'a> {
    name: &'a str,
    value: &'a str,
    bound: Option<&'a str>,
    at: Option<Timestamp>,
}

/// What could not be read.
#[derive(Serialize)]
struct Unread<'a> {
    #[serde(flatten)]
    place: Place<'a>,
    message: &'a str,
    hint: Option<&'a str>,
}

impl<'a> Document<'a> {
    pub(super) fn of(report: &'a Report) -> Self {
        Self {
            version: VERSION,
            now: report.now,
            summary: report.summary(),
            exit_code: report.exit().code(),
            workloads: report.checked.iter().map(Workload::of).collect(),
            problems: report.problems.iter().map(Unread::of).collect(),
            warnings: report.warnings.iter().map(Unread::of).collect(),
            unmatched_policies: report.unmatched.iter().map(PolicyName::as_str).collect(),
        }
    }
}

impl<'a> Workload<'a> {
    fn of(checked: &'a Checked) -> Self {
        let decision = match &checked.outcome {
            Evaluation::Decided(decision) => Some(decision),
            Evaluation::NoRollout(_) | Evaluation::NoPolicy => None,
        };
        let note = match &checked.outcome {
            Evaluation::Decided(decision) => decision.rollout().change_note(),
            Evaluation::NoRollout(why) => Some(*why),
            Evaluation::NoPolicy => None,
        };
        let judged = decision.map_or(&[][..], |decision| decision.results());
        Self {
            place: Place::of(checked, "/metadata/name"),
            api_version: checked.kind.api_version(),
            kind: checked.kind.as_str(),
            namespace: &checked.namespace,
            name: &checked.name,
            result: checked.standing(),
            change: decision.map(|decision| decision.rollout().change().as_str()),
            template_hash: decision
                .map(|decision| TemplateHash::of(decision.rollout().subject()).to_string()),
            note,
            held_until: decision.and_then(|decision| end_of(decision.outcome())),
            policies: judged
                .iter()
                .map(|judged| Policy::of(checked, judged))
                .collect(),
        }
    }
}

fn end_of(outcome: Outcome) -> Option<Timestamp> {
    match outcome {
        Outcome::Hold(until) => until,
        Outcome::Allow | Outcome::Deny => None,
    }
}

impl<'a> Place<'a> {
    fn of(checked: &'a Checked, pointer: &str) -> Self {
        let place = checked.origin.spans.locate(pointer).focus;
        Self {
            file: &checked.origin.file,
            line: Some(place.line),
            column: Some(place.column),
        }
    }
}

impl<'a> Policy<'a> {
    fn of(checked: &'a Checked, judged: &'a PolicyResult) -> Self {
        let (verdict, error) = match &judged.verdict {
            Ok(verdict) => (Some(verdict), None),
            Err(error) => (None, Some(error)),
        };
        Self {
            policy: judged.policy.as_str(),
            action: judged.action,
            on_error: judged.on_error,
            said: verdict.map_or("error", |verdict| verdict.outcome.as_str()),
            held_until: verdict.and_then(|verdict| end_of(verdict.outcome)),
            error: error.map(|error| Failed {
                kind: error.kind(),
                message: error.to_string(),
            }),
            findings: verdict
                .map_or(&[][..], |verdict| &verdict.findings)
                .iter()
                .map(|finding| Found::of(checked, finding))
                .collect(),
            evidence: verdict
                .map_or(&[][..], |verdict| &verdict.evidence)
                .iter()
                .map(Shown::of)
                .collect(),
            breaches: verdict
                .map_or(&[][..], |verdict| verdict.breaches())
                .iter()
                .map(ToString::to_string)
                .collect(),
        }
    }
}

impl<'a> Found<'a> {
    fn of(checked: &'a Checked, finding: &'a Finding) -> Self {
        Self {
            rule: &finding.rule,
            severity: finding.severity,
            place: Place::of(checked, super::voice::pointer(finding)),
            path: &finding.path,
            message: &finding.message,
            found: finding.found.as_deref(),
            expected: finding.expected.as_deref(),
            hint: finding.hint.as_deref(),
            existing: finding.existing,
        }
    }
}

impl<'a> Shown<'a> {
    fn of(evidence: &'a Evidence) -> Self {
        Self {
            name: &evidence.name,
            value: &evidence.value,
            bound: evidence.bound.as_deref(),
            at: evidence.at,
        }
    }
}

impl<'a> Unread<'a> {
    fn of(problem: &'a Problem) -> Self {
        let spot = problem.spot.as_ref();
        Self {
            place: Place {
                file: &problem.file,
                line: spot.map(|spot| spot.line),
                column: spot.map(|spot| spot.column),
            },
            message: &problem.message,
            hint: problem.hint.as_deref(),
        }
    }
}
