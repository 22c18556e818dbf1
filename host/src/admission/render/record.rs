//! A decision in the log, and in the note of an Event.

use rollgate_model::{Finding, Outcome};

use super::annotations::failure;
use super::message::reasons_of;
use super::text::{cut, one_line, reword};
use crate::admission::decision::{Decision, PolicyResult};
use crate::admission::events::EventKind;
use crate::config::json_path;

/// The limit of one policy in a log line, in bytes.
const LOG_BYTES: usize = 2 << 10;
/// The limit of an Event's note in bytes (`events.k8s.io/v1`).
const NOTE_BYTES: usize = 1 << 10;

/// Returns one policy's reason for the log; `None` if it allows without findings.
pub(in super::super) fn log_reason(result: &PolicyResult) -> Option<String> {
    let verdict = match &result.verdict {
        Ok(verdict) if verdict.outcome == Outcome::Allow && verdict.findings.is_empty() => {
            return None;
        }
        Ok(verdict) => verdict,
        Err(error) => {
            return Some(for_log(&format!(
                "{}: {}: {error}",
                result.policy,
                error.kind()
            )));
        }
    };
    let findings: Vec<_> = verdict.findings.iter().map(rule_and_path).collect();
    Some(for_log(&format!(
        "{}: {} ({})",
        result.policy,
        verdict.outcome.as_str(),
        findings.join(", ")
    )))
}

/// Returns each override of the workload and whether it applies; `None` if there is none.
pub(in super::super) fn log_overrides(decision: &Decision) -> Option<String> {
    let passed = decision.results().iter().filter_map(|result| {
        let passed_by = result.passed_by.as_ref()?;
        Some(format!(
            "{} passed by {} ({})",
            result.policy, passed_by.name, passed_by.reason
        ))
    });
    let rejected = decision
        .rejected_overrides()
        .iter()
        .map(|rejected| format!("{} does not apply: {}", rejected.name, rejected.reason));
    let all: Vec<_> = passed.chain(rejected).collect();
    (!all.is_empty()).then(|| for_log(&all.join("; ")))
}

/// Returns the rule and the path of a finding.
pub(in super::super) fn rule_and_path(finding: &Finding) -> String {
    match finding.path.as_str() {
        "" => finding.rule.clone(),
        path => format!("{} {path}", finding.rule),
    }
}

/// Returns the note of an Event, on one line. It has no waiting time, since it is read later.
pub(in super::super) fn event_note(decision: &Decision, what: EventKind) -> String {
    let rollout = decision.rollout();
    let result = match (what, decision.outcome()) {
        (EventKind::Held, Outcome::Hold(Some(until))) => format!("held until {until}"),
        (EventKind::Held, _) => "held, no end is known".to_owned(),
        (EventKind::Denied, _) => "denied".to_owned(),
        (EventKind::Overridden, _) => format!("by {} passed", rollout.user()),
        (EventKind::NotEvaluated, _) => "allowed although a policy failed".to_owned(),
    };
    let concerned = decision
        .results()
        .iter()
        .filter(|result| what.concerns(result));
    let reasons: Vec<_> = concerned.map(reason).collect();
    let line = format!(
        "{} {result}: {}",
        rollout.change().as_str(),
        reasons.join("; ")
    );
    cut(reword(&one_line(&line)), NOTE_BYTES)
}

fn reason(result: &PolicyResult) -> String {
    if let Some(passed_by) = &result.passed_by {
        return format!(
            "{} by override {} until {} ({})",
            result.policy, passed_by.name, passed_by.expires, passed_by.reason
        );
    }
    let verdict = match &result.verdict {
        Ok(verdict) => verdict,
        Err(error) => return format!("{}: {}", result.policy, failure(error)),
    };
    let reasons: Vec<_> = reasons_of(verdict).map(in_short).collect();
    match reasons.as_slice() {
        [] => format!("{} gave no reason", result.policy),
        reasons => format!("{}: {}", result.policy, reasons.join(", ")),
    }
}

fn in_short(finding: &Finding) -> String {
    match finding.path.as_str() {
        "" => finding.message.clone(),
        path => format!("{} ({})", finding.message, json_path(path)),
    }
}

fn for_log(text: &str) -> String {
    cut(one_line(text), LOG_BYTES)
}
