//! Verdicts: what a policy returns for a rollout.

mod violation;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use violation::{ContractViolations, Violation};

/// The result of a policy: the outcome, the findings that explain it, and the evidence.
///
/// The outcome is at least as strict as the strictest finding: see [`Verdict::new`].
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// Whether the rollout is allowed.
    pub outcome: Outcome,
    /// The findings, in the policy's order.
    pub findings: Vec<Finding>,
    /// The facts that the verdict is based on.
    pub evidence: Vec<Evidence>,
    /// Reserved for later versions of the contract; unknown keys are ignored.
    pub extra: Vec<(String, String)>,
    /// Private, so that every verdict goes through [`Verdict::new`].
    violations: Vec<Violation>,
}

/// Whether the rollout is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is allowed.
    Allow,
    /// It is blocked for now. It is allowed from this instant on; `None` means that no end is
    /// known.
    Hold(Option<Timestamp>),
    /// It is denied.
    Deny,
}

impl Outcome {
    /// Returns the stricter of two outcomes: a denial over a hold, a hold without an end over one with
    /// an end, a later end over an earlier one.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Deny, _) | (_, Self::Deny) => Self::Deny,
            (Self::Hold(one), Self::Hold(two)) => {
                Self::Hold(one.zip(two).map(|(one, two)| one.max(two)))
            }
            (hold @ Self::Hold(_), Self::Allow) | (Self::Allow, hold @ Self::Hold(_)) => hold,
            (Self::Allow, Self::Allow) => Self::Allow,
        }
    }

    /// Returns `allow`, `hold` or `deny`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Hold(_) => "hold",
            Self::Deny => "deny",
        }
    }
}

/// The outcome that a finding demands by itself.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// For information.
    Info,
    /// Should be fixed; the rollout is allowed.
    Warn,
    /// Blocks the rollout for now.
    Hold,
    /// Denies the rollout.
    Deny,
}

/// One reason for the outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The outcome that this finding demands by itself.
    pub severity: Severity,
    /// A short, stable name of the rule, such as `readiness-missing`.
    pub rule: String,
    /// RFC 6901 pointer into the new object. For something absent, the place where it would be.
    pub path: String,
    /// What is wrong, and what it causes.
    pub message: String,
    /// The value that was found.
    pub found: Option<String>,
    /// The value that was expected.
    pub expected: Option<String>,
    /// How to fix it.
    pub hint: Option<String>,
    /// Whether the workload had the same finding before the change.
    pub existing: bool,
    /// Reserved for later versions of the contract.
    pub extra: Vec<(String, String)>,
}

/// A fact that a verdict is based on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// What was measured or read.
    pub name: String,
    /// The value, as text for people.
    pub value: String,
    /// The bound that the value was compared with.
    pub bound: Option<String>,
    /// The time of the value.
    pub at: Option<Timestamp>,
    /// Reserved for later versions of the contract.
    pub extra: Vec<(String, String)>,
}

/// Why a policy could not reach a verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// `no-data`, `source`, `unsupported`, `internal`, or any other word.
    pub code: String,
    /// What happened.
    pub message: String,
    /// Reserved for later versions of the contract.
    pub extra: Vec<(String, String)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const EARLY: Outcome = Outcome::Hold(Some(Timestamp::UNIX_EPOCH));
    const LATE: Outcome = Outcome::Hold(Some(Timestamp::MAX));
    const ENDLESS: Outcome = Outcome::Hold(None);

    #[test]
    fn strictest_outcome_wins() {
        let cases = [
            (Outcome::Allow, Outcome::Allow, Outcome::Allow),
            (Outcome::Allow, EARLY, EARLY),
            (EARLY, LATE, LATE),
            (LATE, ENDLESS, ENDLESS),
            (ENDLESS, Outcome::Deny, Outcome::Deny),
            (Outcome::Allow, Outcome::Deny, Outcome::Deny),
        ];
        for (one, two, together) in cases {
            assert_eq!(one.and(two), together, "{one:?} and {two:?}");
            assert_eq!(two.and(one), together, "{two:?} and {one:?}");
        }
    }
}
