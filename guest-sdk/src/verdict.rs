//! What a policy answers.

use crate::{Finding, Findings, Severity};
use jiff::Timestamp;

/// What a policy says of a rollout: whether it may go, why, and what that rests on.
///
/// The severities of the findings decide the outcome: [`Verdict::from`] takes [`Findings`] and
/// picks the most severe. `allow`, `hold`, `hold_until` and `deny` say it outright.
///
/// ```
/// use rollgate_sdk::{Evidence, Finding, Findings, Outcome, Verdict};
///
/// let mut findings = Findings::new();
/// findings.push(Finding::warn("old-image", "/spec", "The image is a year old"));
/// let verdict = Verdict::from(findings).with_evidence(Evidence::new("image-age", "371 d").bound("<= 90 d"));
/// assert_eq!(verdict.outcome, Outcome::Allow);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Verdict {
    /// Whether the rollout may go.
    pub outcome: Outcome,
    /// The reasons. An allow may carry warnings; a hold or deny has at least one reason.
    pub findings: Vec<Finding>,
    /// What the verdict rests on.
    pub evidence: Vec<Evidence>,
}

/// Whether a rollout may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It may go.
    Allow,
    /// Not now. From the given instant on it may go; `None` means no end is known.
    Hold(Option<Timestamp>),
    /// No.
    Deny,
}

impl Verdict {
    /// It may go, without a word.
    pub const fn allow() -> Self {
        Self {
            outcome: Outcome::Allow,
            findings: Vec::new(),
            evidence: Vec::new(),
        }
    }

    /// No.
    pub fn deny(reason: Finding) -> Self {
        Self {
            outcome: Outcome::Deny,
            findings: vec![reason],
            evidence: Vec::new(),
        }
    }

    /// Not now, and no end is known.
    pub fn hold(reason: Finding) -> Self {
        Self {
            outcome: Outcome::Hold(None),
            findings: vec![reason],
            evidence: Vec::new(),
        }
    }

    /// Not now; from `until` on it may go, as far as this policy is concerned.
    pub fn hold_until(until: Timestamp, reason: Finding) -> Self {
        Self {
            outcome: Outcome::Hold(Some(until)),
            findings: vec![reason],
            evidence: Vec::new(),
        }
    }

    /// Adds a reason. One that asks for more than the outcome so far makes it so.
    pub fn with_finding(mut self, finding: Finding) -> Self {
        self.outcome = self.outcome.at_least(finding.severity);
        self.findings.push(finding);
        self
    }

    /// This verdict and another one: the more severe outcome, the reasons and evidence of both.
    /// Of two holds the later counts, and one without an end has the last word.
    pub fn and(mut self, other: Self) -> Self {
        self.outcome = match (self.outcome, other.outcome) {
            (Outcome::Deny, _) | (_, Outcome::Deny) => Outcome::Deny,
            (Outcome::Hold(one), Outcome::Hold(two)) => {
                Outcome::Hold(one.zip(two).map(|(a, b)| a.max(b)))
            }
            (hold @ Outcome::Hold(_), _) | (_, hold) => hold,
        };
        self.findings.extend(other.findings);
        self.evidence.extend(other.evidence);
        self
    }

    /// Adds a fact that the verdict rests on.
    pub fn with_evidence(mut self, evidence: Evidence) -> Self {
        self.evidence.push(evidence);
        self
    }

    /// Adds facts that the verdict rests on.
    pub fn with_all_evidence(mut self, evidence: impl IntoIterator<Item = Evidence>) -> Self {
        self.evidence.extend(evidence);
        self
    }
}

impl From<Findings> for Verdict {
    fn from(findings: Findings) -> Self {
        findings.into_iter().fold(Self::allow(), Self::with_finding)
    }
}

impl Outcome {
    /// This outcome, or what `severity` asks for where that is more.
    const fn at_least(self, severity: Severity) -> Self {
        match (self, severity) {
            (_, Severity::Deny) => Self::Deny,
            (Self::Allow, Severity::Hold) => Self::Hold(None),
            (outcome, _) => outcome,
        }
    }
}

/// A fact that a verdict rests on: a measured value, the window that is open.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Evidence {
    /// What was looked at, such as the name of a check.
    pub name: String,
    /// What it was, for people.
    pub value: String,
    /// What it was held against, such as `<= 0.01`.
    pub bound: Option<String>,
    /// When it was true.
    pub at: Option<Timestamp>,
    /// More about it, such as the `query`.
    pub extra: Vec<(String, String)>,
}

impl Evidence {
    /// A fact: what was looked at, and what it was.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "so that `3` and `format!(…)` read alike"
    )]
    pub fn new(name: impl Into<String>, value: impl ToString) -> Self {
        Self {
            name: name.into(),
            value: value.to_string(),
            bound: None,
            at: None,
            extra: Vec::new(),
        }
    }

    /// What it was held against, such as `<= 0.01`.
    pub fn bound(mut self, bound: impl Into<String>) -> Self {
        self.bound = Some(bound.into());
        self
    }

    /// When it was true.
    pub const fn at(mut self, at: Timestamp) -> Self {
        self.at = Some(at);
        self
    }

    /// More about it, such as the `query`.
    pub fn with(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.extra.push((key.into(), value.into()));
        self
    }
}

/// Why a policy could not be evaluated. The host then does what the operator wrote under `onError`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Failure {
    /// `no-data`, `source`, `unsupported`, `internal`, or any other word.
    pub code: String,
    /// What happened, in words a user understands.
    pub message: String,
}

impl Failure {
    /// A failure of any kind.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
        }
    }

    /// A metric or object that the policy needs is not there.
    pub fn no_data(message: impl Into<String>) -> Self {
        Self::new("no-data", message)
    }

    /// A call to the host failed.
    pub fn source(message: impl Into<String>) -> Self {
        Self::new("source", message)
    }

    /// A rollout that the policy cannot judge.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new("unsupported", message)
    }

    /// A mistake of the policy itself.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new("internal", message)
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Failure {}
