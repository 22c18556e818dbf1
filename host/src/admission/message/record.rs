//! The answer for records: a line of the log, the note of an Event.

use rollgate_model::{Finding, Outcome};

use super::super::annotations::failure;
use super::super::announcement::Announced;
use super::super::decision::{Answer, Decision, Judged};
use super::super::plain::{cut, one_line, reword};
use super::reasons_of;
use crate::config::json_path;

/// What one policy may fill of a log line.
const LOG_BYTES: usize = 2 << 10;
/// The API server refuses an Event with a longer note (`events.k8s.io/v1`).
const NOTE_BYTES: usize = 1 << 10;

/// One policy's reason in a few words, for the log; `None` where it is content.
pub(in super::super) fn log_reason(judged: &Judged) -> Option<String> {
    let verdict = match &judged.said {
        Ok(verdict) if verdict.outcome == Outcome::Allow && verdict.findings.is_empty() => {
            return None;
        }
        Ok(verdict) => verdict,
        Err(error) => {
            return Some(for_log(&format!(
                "{}: {}: {error}",
                judged.policy,
                error.kind()
            )));
        }
    };
    let findings: Vec<_> = verdict.findings.iter().map(rule_and_place).collect();
    let said = match verdict.outcome {
        Outcome::Allow => "allow",
        Outcome::Hold(_) => "hold",
        Outcome::Deny => "deny",
    };
    Some(for_log(&format!(
        "{}: {said} ({})",
        judged.policy,
        findings.join(", ")
    )))
}

/// Each override that was looked at, and what came of it; `None` where there was none.
pub(in super::super) fn log_overrides(decision: &Decision) -> Option<String> {
    let passed = decision.judged().iter().filter_map(|judged| {
        let passage = judged.passed_by.as_ref()?;
        Some(format!(
            "{} passed by {} ({})",
            judged.policy, passage.name, passage.reason
        ))
    });
    let refused = decision
        .refused_overrides()
        .iter()
        .map(|refused| format!("{} does not apply: {}", refused.name, refused.why));
    let all: Vec<_> = passed.chain(refused).collect();
    (!all.is_empty()).then(|| for_log(&all.join("; ")))
}

/// A finding for records: which rule, and where.
pub(in super::super) fn rule_and_place(finding: &Finding) -> String {
    match finding.path.as_str() {
        "" => finding.rule.clone(),
        path => format!("{} {path}", finding.rule),
    }
}

/// What an Event says, on one line. No waiting time stands in it: it is read later.
pub(in super::super) fn note_of(decision: &Decision, what: Announced) -> String {
    let rollout = decision.rollout();
    let what_came = match (what, decision.answer()) {
        (Announced::Held, Answer::Hold(Some(until))) => format!("held until {until}"),
        (Announced::Held, _) => "held, no end is known".to_owned(),
        (Announced::Denied, _) => "denied".to_owned(),
        (Announced::Overridden, _) => format!("by {} passed", rollout.user()),
        (Announced::Unjudged, _) => "may go unjudged".to_owned(),
    };
    let concerned = decision
        .judged()
        .iter()
        .filter(|judged| what.concerns(judged));
    let reasons: Vec<_> = concerned.map(reason).collect();
    let line = format!(
        "{} {what_came}: {}",
        rollout.change().as_str(),
        reasons.join("; ")
    );
    cut(reword(&one_line(&line)), NOTE_BYTES)
}

fn reason(judged: &Judged) -> String {
    if let Some(passage) = &judged.passed_by {
        return format!(
            "{} by override {} until {} ({})",
            judged.policy, passage.name, passage.expires, passage.reason
        );
    }
    let verdict = match &judged.said {
        Ok(verdict) => verdict,
        Err(error) => return format!("{}: {}", judged.policy, failure(error)),
    };
    let told: Vec<_> = reasons_of(verdict).map(in_short).collect();
    match told.as_slice() {
        [] => format!("{} gave no reason", judged.policy),
        told => format!("{}: {}", judged.policy, told.join(", ")),
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
