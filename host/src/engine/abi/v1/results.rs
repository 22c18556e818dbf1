//! Converts what the guest returns to the model's types.

use jiff::Timestamp;
use rollgate_model::{Evidence, Failure, Finding, Outcome, Severity, Verdict, Violation};

use super::bindings::exports::rollgate::policy::guest;
use super::bindings::rollgate::policy::types;
use crate::engine::abi::Description;
use crate::engine::error::SettingsProblem;

pub(super) fn description(result: guest::Description) -> Description {
    Description {
        name: result.name,
        version: result.version,
        summary: result.summary,
        settings_schema: result.settings_schema,
        extra: result.extra,
    }
}

pub(super) fn settings_problems(result: Vec<guest::SettingsError>) -> Vec<SettingsProblem> {
    result
        .into_iter()
        .map(|error| SettingsProblem {
            path: error.path,
            message: error.message,
        })
        .collect()
}

pub(super) fn failure(result: types::Failure) -> Failure {
    Failure {
        code: result.code,
        message: result.message,
        extra: result.extra,
    }
}

/// Converts a verdict. What breaks the contract is read in the strictest way.
pub(super) fn verdict(result: types::Verdict) -> Verdict {
    let mut violations = Vec::new();
    let outcome = match result.outcome {
        types::Outcome::Allow => Outcome::Allow,
        types::Outcome::Deny => Outcome::Deny,
        types::Outcome::Hold(until) => {
            let until = until.map(timestamp).transpose();
            Outcome::Hold(until.unwrap_or_else(|why| {
                violations.push(Violation::Until(why));
                None
            }))
        }
    };
    let findings = result.findings.into_iter().enumerate();
    let findings = findings
        .map(|(index, found)| finding(index, found, &mut violations))
        .collect();
    let shown = result.evidence.into_iter().enumerate();
    let shown = shown
        .map(|(index, fact)| evidence(index, fact, &mut violations))
        .collect();
    let mut verdict = Verdict::new(outcome, findings, shown).with_violations(violations);
    verdict.extra = result.extra;
    verdict
}

fn finding(index: usize, result: types::Finding, violations: &mut Vec<Violation>) -> Finding {
    Finding {
        severity: severity(index, result.severity, violations),
        rule: result.rule,
        path: result.path,
        message: result.message,
        found: result.found,
        expected: result.expected,
        hint: result.hint,
        existing: result.existing,
        extra: result.extra,
    }
}

/// An unknown severity counts as the strictest.
fn severity(index: usize, word: String, violations: &mut Vec<Violation>) -> Severity {
    match word.as_str() {
        "deny" => Severity::Deny,
        "hold" => Severity::Hold,
        "warn" => Severity::Warn,
        "info" => Severity::Info,
        _ => {
            violations.push(Violation::Severity { index, word });
            Severity::Deny
        }
    }
}

fn evidence(index: usize, result: types::Evidence, violations: &mut Vec<Violation>) -> Evidence {
    let at = result.at.map(timestamp).transpose();
    Evidence {
        name: result.name,
        value: result.value,
        bound: result.bound,
        at: at.unwrap_or_else(|why| {
            violations.push(Violation::At { index, why });
            None
        }),
        extra: result.extra,
    }
}

pub(super) fn timestamp(result: types::Timestamp) -> Result<Timestamp, String> {
    i32::try_from(result.nanoseconds)
        .ok()
        .filter(|nanoseconds| *nanoseconds < 1_000_000_000)
        .and_then(|nanoseconds| Timestamp::new(result.seconds, nanoseconds).ok())
        .ok_or_else(|| {
            format!(
                "{} s and {} ns is no point in time",
                result.seconds, result.nanoseconds
            )
        })
}
