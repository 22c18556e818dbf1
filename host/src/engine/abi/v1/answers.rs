//! What the guest answers, as the model knows it.

use jiff::Timestamp;
use rollgate_model::{Evidence, Failure, Finding, Outcome, Severity, Verdict};

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

/// The verdict, or why it makes no sense.
pub(super) fn verdict(said: types::Verdict) -> Result<Verdict, String> {
    let outcome = match said.outcome {
        types::Outcome::Allow => Outcome::Allow,
        types::Outcome::Deny => Outcome::Deny,
        types::Outcome::Hold(until) => Outcome::Hold(until.map(timestamp).transpose()?),
    };
    // A severity this version does not know must not turn a reason for denial into less.
    let unknown = match outcome {
        Outcome::Allow => Severity::Warn,
        Outcome::Hold(_) => Severity::Hold,
        Outcome::Deny => Severity::Deny,
    };
    Ok(Verdict {
        outcome,
        findings: said
            .findings
            .into_iter()
            .map(|found| finding(found, unknown))
            .collect(),
        evidence: said
            .evidence
            .into_iter()
            .map(evidence)
            .collect::<Result<_, _>>()?,
        extra: said.extra,
    })
}

fn finding(said: types::Finding, unknown: Severity) -> Finding {
    Finding {
        severity: match said.severity.as_str() {
            "deny" => Severity::Deny,
            "hold" => Severity::Hold,
            "warn" => Severity::Warn,
            "info" => Severity::Info,
            _ => unknown,
        },
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

fn evidence(said: types::Evidence) -> Result<Evidence, String> {
    Ok(Evidence {
        name: said.name,
        value: said.value,
        bound: said.bound,
        at: said.at.map(timestamp).transpose()?,
        extra: said.extra,
    })
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
