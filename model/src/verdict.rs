//! What one policy said of a rollout.

mod breach;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use breach::{Breach, BrokenContract};

/// A policy's answer: the outcome, its reasons and what they rest on.
///
/// The outcome is as strict as the strictest finding: see [`Verdict::new`].
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// Whether the rollout may go.
    pub outcome: Outcome,
    /// The reasons, in the policy's order.
    pub findings: Vec<Finding>,
    /// The facts the verdict rests on.
    pub evidence: Vec<Evidence>,
    /// Growth room of the contract: keys that nobody knows are ignored.
    pub extra: Vec<(String, String)>,
    /// Private, so that every verdict is read by [`Verdict::new`].
    breaches: Vec<Breach>,
}

/// Whether the rollout may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It may go.
    Allow,
    /// Not now. From the instant on it may go; `None` means no end is known.
    Hold(Option<Timestamp>),
    /// No.
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

/// What a finding alone asks for.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Should be mended; the rollout may go.
    Warn,
    /// Not now.
    Hold,
    /// No.
    Deny,
}

/// One reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What this finding alone asks for.
    pub severity: Severity,
    /// A short, stable name of the rule, such as `readiness-missing`.
    pub rule: String,
    /// RFC 6901 pointer into the new object; what is absent is pointed at where it would stand.
    pub path: String,
    /// What is wrong and why it hurts.
    pub message: String,
    /// What stands there.
    pub found: Option<String>,
    /// What should stand there.
    pub expected: Option<String>,
    /// What to do.
    pub hint: Option<String>,
    /// Whether the old object has it too.
    pub existing: bool,
    /// Growth room of the contract.
    pub extra: Vec<(String, String)>,
}

/// A fact that a verdict rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// What was looked at.
    pub name: String,
    /// What it was, for people.
    pub value: String,
    /// What it was held against.
    pub bound: Option<String>,
    /// When it was true.
    pub at: Option<Timestamp>,
    /// Growth room of the contract.
    pub extra: Vec<(String, String)>,
}

/// Why a policy could not judge, in its own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// `no-data`, `source`, `unsupported`, `internal`, or any other word.
    pub code: String,
    /// What happened.
    pub message: String,
    /// Growth room of the contract.
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
