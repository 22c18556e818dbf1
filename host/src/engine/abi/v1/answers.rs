//! What the guest answers, as the model knows it.

use jiff::Timestamp;
use rollgate_model::{Evidence, Failure, Finding, Outcome, Severity, Verdict, Violation};

use super::bindings::exports::rollgate::policy::guest;
use super::bindings::rollgate::policy::types;
use crate::engine::abi::Description;
use crate::engine::error::SettingsProblem;

pub(super) fn description(said: guest::Description) -> Description {
    Description {
        name: said.name,
        version: said.version,
        summary: said.summary,
        settings_schema: said.settings_schema,
        extra: said.extra,
    }
}

pub(super) fn settings_problems(said: Vec<guest::SettingsError>) -> Vec<SettingsProblem> {
    said.into_iter()
        .map(|error| SettingsProblem {
            path: error.path,
            message: error.message,
        })
        .collect()
}

pub(super) fn failure(said: types::Failure) -> Failure {
    Failure {
        code: said.code,
        message: said.message,
        extra: said.extra,
    }
}

/// The verdict, in the strictest reading of what was said.
pub(super) fn verdict(said: types::Verdict) -> Verdict {
    let mut violations = Vec::new();
    let outcome = match said.outcome {
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
    let findings = said.findings.into_iter().enumerate();
    let findings = findings
        .map(|(index, found)| finding(index, found, &mut violations))
        .collect();
    let shown = said.evidence.into_iter().enumerate();
    let shown = shown
        .map(|(index, fact)| evidence(index, fact, &mut violations))
        .collect();
    let mut verdict = Verdict::new(outcome, findings, shown).with_violations(violations);
    verdict.extra = said.extra;
    verdict
}

fn finding(index: usize, said: types::Finding, violations: &mut Vec<Violation>) -> Finding {
    Finding {
        severity: severity(index, said.severity, violations),
        rule: said.rule,
        path: said.path,
        message: said.message,
        found: said.found,
        expected: said.expected,
        hint: said.hint,
        existing: said.existing,
        extra: said.extra,
    }
}

/// A severity that this version does not know may ask for anything: it counts as the strictest.
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

fn evidence(index: usize, said: types::Evidence, violations: &mut Vec<Violation>) -> Evidence {
    let at = said.at.map(timestamp).transpose();
    Evidence {
        name: said.name,
        value: said.value,
        bound: said.bound,
        at: at.unwrap_or_else(|why| {
            violations.push(Violation::At { index, why });
            None
        }),
        extra: said.extra,
    }
}

pub(super) fn timestamp(said: types::Timestamp) -> Result<Timestamp, String> {
    i32::try_from(said.nanoseconds)
        .ok()
        .filter(|nanoseconds| *nanoseconds < 1_000_000_000)
        .and_then(|nanoseconds| Timestamp::new(said.seconds, nanoseconds).ok())
        .ok_or_else(|| {
            format!(
                "{} s and {} ns is no point in time",
                said.seconds, said.nanoseconds
            )
        })
}
