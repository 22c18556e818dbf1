//! The verdict that a scenario expects.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::mismatch::{self, Mismatch};
use crate::{Change, Evidence, Failure, Finding, Outcome, Severity, Verdict};

/// The verdict expected. Omitted fields are not compared; a list is complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// The class of the change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
    /// The outcome, or that the policy fails.
    pub outcome: ExpectedOutcome,
    /// On a hold: the instant from which on the rollout is allowed, or `unknown` where no end is
    /// known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Until>,
    /// On a failure: its code, such as `no-data`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// On a failure: a part of its message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// All findings, in any order; an empty list means that there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub findings: Option<Vec<ExpectedFinding>>,
    /// All evidence, in any order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Vec<ExpectedEvidence>>,
}

/// The possible results of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExpectedOutcome {
    /// The rollout is allowed.
    Allow,
    /// The rollout is blocked for now.
    Hold,
    /// The rollout is denied.
    Deny,
    /// The policy fails: it cannot reach a verdict.
    Failure,
}

/// The end of a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub enum Until {
    /// The end is known.
    At(Timestamp),
    /// The end is not known.
    Unknown,
}

/// One finding. It is identified by its rule; further fields are compared where they are given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpectedFinding {
    /// The rule.
    pub rule: String,
    /// The JSON pointer into the new object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The severity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// Whether the workload had the same finding before the change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub existing: Option<bool>,
    /// A part of the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The value found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// The value expected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// A part of the hint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// One piece of evidence, identified by its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpectedEvidence {
    /// What was measured or read.
    pub name: String,
    /// The value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// The bound that the value was compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound: Option<String>,
}

impl Expectation {
    /// Creates the expectation of exactly this result for this class of change.
    #[must_use]
    pub fn of(change: Change, answer: &Result<Verdict, Failure>) -> Self {
        let mut expectation = Self {
            change: Some(change),
            outcome: ExpectedOutcome::of(answer),
            until: None,
            code: None,
            message: None,
            findings: None,
            evidence: None,
        };
        match answer {
            Ok(verdict) => {
                expectation.until = until(&verdict.outcome);
                expectation.findings = Some(verdict.findings.iter().map(Into::into).collect());
                expectation.evidence = Some(verdict.evidence.iter().map(Into::into).collect());
            }
            Err(failure) => {
                expectation.code = Some(failure.code.clone());
                expectation.message = Some(failure.message.clone());
            }
        }
        expectation
    }

    /// Returns the error for a scenario that expects nothing: it could not fail, so it is no test.
    #[must_use]
    pub fn missing(change: Change, answer: &Result<Verdict, Failure>) -> String {
        let mut scenario = super::Scenario::named("x");
        scenario.expect = Some(Self::of(change, answer));
        let yaml = scenario.to_yaml().unwrap_or_default();
        let expect = yaml
            .find("expect:")
            .map_or("", |start| yaml[start..].trim_end());
        format!("the scenario has no `expect`; the policy returned:\n{expect}")
    }

    /// Compares a result for a class of change with the expectation.
    ///
    /// # Errors
    ///
    /// Every difference.
    pub fn check(&self, change: Change, answer: &Result<Verdict, Failure>) -> Result<(), Mismatch> {
        mismatch::compare(self, change, answer)
    }
}

impl ExpectedOutcome {
    /// Returns the outcome of a result.
    #[must_use]
    pub const fn of(answer: &Result<Verdict, Failure>) -> Self {
        match answer {
            Ok(Verdict {
                outcome: Outcome::Allow,
                ..
            }) => Self::Allow,
            Ok(Verdict {
                outcome: Outcome::Hold(_),
                ..
            }) => Self::Hold,
            Ok(Verdict {
                outcome: Outcome::Deny,
                ..
            }) => Self::Deny,
            Err(_) => Self::Failure,
        }
    }
}

impl fmt::Display for ExpectedOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Allow => "allow",
            Self::Hold => "hold",
            Self::Deny => "deny",
            Self::Failure => "failure",
        })
    }
}

impl fmt::Display for Until {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(instant) => instant.fmt(f),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

impl From<Until> for String {
    fn from(until: Until) -> Self {
        until.to_string()
    }
}

impl TryFrom<String> for Until {
    type Error = NoEnd;

    fn try_from(text: String) -> Result<Self, NoEnd> {
        if text == "unknown" {
            return Ok(Self::Unknown);
        }
        text.parse().map(Self::At).map_err(|_| NoEnd(text))
    }
}

/// The error for a text that is no end of a hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is neither an instant such as `2026-03-02T10:00:00Z` nor `unknown`")]
pub struct NoEnd(String);

/// Returns the end of an outcome, where it is a hold.
pub(super) fn until(outcome: &Outcome) -> Option<Until> {
    match outcome {
        Outcome::Hold(Some(instant)) => Some(Until::At(*instant)),
        Outcome::Hold(None) => Some(Until::Unknown),
        Outcome::Allow | Outcome::Deny => None,
    }
}

impl From<&Finding> for ExpectedFinding {
    fn from(finding: &Finding) -> Self {
        Self {
            rule: finding.rule.clone(),
            path: Some(finding.path.clone()),
            severity: Some(finding.severity),
            existing: Some(finding.existing),
            message: Some(finding.message.clone()),
            found: finding.found.clone(),
            expected: finding.expected.clone(),
            hint: finding.hint.clone(),
        }
    }
}

impl From<&Evidence> for ExpectedEvidence {
    fn from(evidence: &Evidence) -> Self {
        Self {
            name: evidence.name.clone(),
            value: Some(evidence.value.clone()),
            bound: evidence.bound.clone(),
        }
    }
}
