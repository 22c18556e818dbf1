//! The report as JSON, for programs. The format is versioned: within a version, fields are only added.

use jiff::Timestamp;
use rollgate_model::{Evidence, Finding, Outcome, Severity};
use serde::Serialize;

use super::evaluate::{Checked, DryRunOutcome, DryRunResult, Evaluation, Status};
use super::objects::NotSeen;
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
    /// The instant of the evaluation.
    now: Timestamp,
    summary: Summary,
    /// The exit code of the process.
    exit_code: u8,
    workloads: Vec<Workload<'a>>,
    problems: Vec<ProblemJson<'a>>,
    /// Possible mistakes that change no result.
    warnings: Vec<ProblemJson<'a>>,
    /// The policies that matched no workload.
    unmatched_policies: Vec<&'a str>,
    /// Kinds that policies asked for, and that are not among the manifests.
    #[serde(skip_serializing_if = "<[NotSeen]>::is_empty")]
    not_seen: &'a [NotSeen],
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
    result: Status,
    /// The class of the change; absent if it is no rollout.
    change: Option<&'static str>,
    /// The hash of the template, to which an override may be limited. Absent if it is no rollout.
    template_hash: Option<String>,
    /// How the change was classified, or why it is no rollout.
    note: Option<&'a str>,
    /// When the hold ends; absent unless it is held with a known end.
    held_until: Option<Timestamp>,
    /// The message of the API server to a dry run (`check --cluster`).
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    /// The warnings of the API server to a dry run (`check --cluster`).
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    warnings: &'a [String],
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

/// The result of one policy.
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
    /// How the verdict breaks the contract; absent if it does not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    violations: Vec<String>,
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

/// A problem or a warning.
#[derive(Serialize)]
struct ProblemJson<'a> {
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
            problems: report.problems.iter().map(ProblemJson::of).collect(),
            warnings: report.warnings.iter().map(ProblemJson::of).collect(),
            unmatched_policies: report.unmatched.iter().map(PolicyName::as_str).collect(),
            not_seen: &report.not_seen,
        }
    }
}

impl<'a> Workload<'a> {
    fn of(checked: &'a Checked) -> Self {
        let decision = checked.decision();
        let note = match &checked.evaluation {
            Evaluation::Decided(decision) => decision.rollout().change_note(),
            Evaluation::NotARollout(why) => Some(*why),
            Evaluation::NoPolicy | Evaluation::DryRun(_) => None,
        };
        let dry_run = match &checked.evaluation {
            Evaluation::DryRun(result) => Some(result),
            _ => None,
        };
        let result = decision.map_or(&[][..], |decision| decision.results());
        Self {
            place: Place::of(checked, "/metadata/name"),
            api_version: checked.kind.api_version(),
            kind: checked.kind.as_str(),
            namespace: &checked.namespace,
            name: &checked.name,
            result: checked.status(),
            change: decision.map(|decision| decision.rollout().change().as_str()),
            template_hash: decision
                .map(|decision| TemplateHash::of(decision.rollout().subject()).to_string()),
            note,
            held_until: match (decision, dry_run.map(|result| &result.outcome)) {
                (Some(decision), _) => end_of(decision.outcome()),
                (None, Some(DryRunOutcome::Held { until, .. })) => Some(*until),
                (None, _) => None,
            },
            message: dry_run.and_then(DryRunResult::message),
            warnings: dry_run.map_or(&[], |result| &result.warnings),
            policies: result
                .iter()
                .map(|result| Policy::of(checked, result))
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
    fn of(checked: &'a Checked, result: &'a PolicyResult) -> Self {
        let (verdict, error) = match &result.verdict {
            Ok(verdict) => (Some(verdict), None),
            Err(error) => (None, Some(error)),
        };
        Self {
            policy: result.policy.as_str(),
            action: result.action,
            on_error: result.on_error,
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
            violations: verdict
                .map_or(&[][..], |verdict| verdict.violations())
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
            place: Place::of(checked, super::findings::pointer(finding)),
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

impl<'a> ProblemJson<'a> {
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
