//! Verdicts, evidence, failures, and their combination.

use crate::{Finding, Findings, Severity};
use jiff::Timestamp;

/// The result of a policy for a rollout: the outcome, its reasons, and the evidence.
///
/// The severities of the findings decide the outcome: [`Verdict::from`] takes [`Findings`] and
/// picks the most severe. `allow`, `hold`, `hold_until` and `deny` set the outcome explicitly.
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
    /// Whether the rollout is allowed.
    pub outcome: Outcome,
    /// The reasons. An allow may have warnings; a hold or denial has at least one finding.
    pub findings: Vec<Finding>,
    /// The facts that the verdict is based on.
    pub evidence: Vec<Evidence>,
}

/// Whether a rollout is allowed.
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

impl Verdict {
    /// Allows the rollout, without findings.
    pub const fn allow() -> Self {
        Self {
            outcome: Outcome::Allow,
            findings: Vec::new(),
            evidence: Vec::new(),
        }
    }

    /// Denies the rollout.
    pub fn deny(reason: Finding) -> Self {
        Self {
            outcome: Outcome::Deny,
            findings: vec![reason],
            evidence: Vec::new(),
        }
    }

    /// Blocks the rollout for now, without a known end.
    pub fn hold(reason: Finding) -> Self {
        Self {
            outcome: Outcome::Hold(None),
            findings: vec![reason],
            evidence: Vec::new(),
        }
    }

    /// Blocks the rollout until an instant, from which on this policy allows it.
    pub fn hold_until(until: Timestamp, reason: Finding) -> Self {
        Self {
            outcome: Outcome::Hold(Some(until)),
            findings: vec![reason],
            evidence: Vec::new(),
        }
    }

    /// Adds a finding. If it is more severe than the outcome, it makes the outcome stricter.
    pub fn with_finding(mut self, finding: Finding) -> Self {
        self.outcome = self.outcome.at_least(finding.severity);
        self.findings.push(finding);
        self
    }

    /// Combines two verdicts: the stricter outcome, and the findings and evidence of both. Of two
    /// holds, the later end counts, and no end is later than any end.
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

    /// Adds a fact that the verdict is based on.
    pub fn with_evidence(mut self, evidence: Evidence) -> Self {
        self.evidence.push(evidence);
        self
    }

    /// Adds facts that the verdict is based on.
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
    /// Returns the stricter of this outcome and the one that `severity` demands.
    const fn at_least(self, severity: Severity) -> Self {
        match (self, severity) {
            (_, Severity::Deny) => Self::Deny,
            (Self::Allow, Severity::Hold) => Self::Hold(None),
            (outcome, _) => outcome,
        }
    }
}

/// A fact that a verdict is based on, such as a measured value or the window that is open.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Evidence {
    /// What was measured or read, such as the name of a check.
    pub name: String,
    /// The value, as text for people.
    pub value: String,
    /// The bound that the value was compared with, such as `<= 0.01`.
    pub bound: Option<String>,
    /// The time of the value.
    pub at: Option<Timestamp>,
    /// Additional data, such as the `query`.
    pub extra: Vec<(String, String)>,
}

impl Evidence {
    /// Creates a fact from a name and a value.
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

    /// Sets the bound that the value was compared with, such as `<= 0.01`.
    pub fn bound(mut self, bound: impl Into<String>) -> Self {
        self.bound = Some(bound.into());
        self
    }

    /// Sets the time of the value.
    pub const fn at(mut self, at: Timestamp) -> Self {
        self.at = Some(at);
        self
    }

    /// Adds additional data, such as the `query`.
    pub fn with(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.extra.push((key.into(), value.into()));
        self
    }
}

/// Why a policy could not reach a verdict. The operator's `onError` then decides.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Failure {
    /// `no-data`, `source`, `unsupported`, `internal`, or any other word.
    pub code: String,
    /// What happened, in words for users.
    pub message: String,
}

impl Failure {
    /// Creates a failure with any code.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
        }
    }

    /// A metric or object that the policy needs does not exist.
    pub fn no_data(message: impl Into<String>) -> Self {
        Self::new("no-data", message)
    }

    /// A host call failed.
    pub fn source(message: impl Into<String>) -> Self {
        Self::new("source", message)
    }

    /// The policy cannot evaluate this rollout.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new("unsupported", message)
    }

    /// The policy itself has a bug.
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

/// Combines the results of several parts of a policy, such as checks or series. A part that fails
/// never hides that another part holds or denies.
///
/// ```
/// use rollgate_sdk::{Combined, Failure, Finding, Outcome, Verdict};
///
/// let parts = [
///     Err(Failure::no_data("latency has no data")),
///     Ok(Verdict::hold(Finding::hold("errors", "", "errors are at 90 %"))),
/// ];
/// let verdict = parts.into_iter().collect::<Combined>().finish()?;
/// assert_eq!(verdict.outcome, Outcome::Hold(None));
/// assert_eq!(verdict.findings[1].message, "latency has no data"); // added as a warning
/// # Ok::<(), Failure>(())
/// ```
#[derive(Debug)]
#[must_use]
pub struct Combined {
    verdict: Verdict,
    failures: Vec<Failure>,
}

/// The number of failures that a message lists; the others are counted.
const MOST_LISTED: usize = 5;

impl Combined {
    /// Starts without parts, which allows the rollout.
    pub const fn new() -> Self {
        Self {
            verdict: Verdict::allow(),
            failures: Vec::new(),
        }
    }

    /// Adds the result of one part.
    pub fn add(&mut self, part: Result<Verdict, Failure>) {
        match part {
            Ok(verdict) => {
                let so_far = std::mem::replace(&mut self.verdict, Verdict::allow());
                self.verdict = so_far.and(verdict);
            }
            Err(failure) => self.failures.push(failure),
        }
    }

    /// Returns the verdict of all parts. If it is a hold or denial, the failures are added as
    /// warnings.
    ///
    /// # Errors
    /// A part failed and no other part holds or denies: the operator's `onError` decides. The
    /// failure has the messages of all failed parts.
    pub fn finish(self) -> Result<Verdict, Failure> {
        if self.verdict.outcome == Outcome::Allow {
            return joined(self.failures).map_or(Ok(self.verdict), Err);
        }
        let warnings = self
            .failures
            .into_iter()
            .map(|failure| Finding::warn(failure.code, "", failure.message));
        Ok(warnings.fold(self.verdict, Verdict::with_finding))
    }
}

impl Default for Combined {
    fn default() -> Self {
        Self::new()
    }
}

impl FromIterator<Result<Verdict, Failure>> for Combined {
    fn from_iter<I: IntoIterator<Item = Result<Verdict, Failure>>>(parts: I) -> Self {
        let mut combined = Self::new();
        parts.into_iter().for_each(|part| combined.add(part));
        combined
    }
}

/// Joins all failures into one, with the code of the first; `None` where there are none.
fn joined(failures: Vec<Failure>) -> Option<Failure> {
    let more = failures.len().saturating_sub(MOST_LISTED);
    let listed = failures.into_iter().take(MOST_LISTED);
    let mut failure = listed.reduce(|mut all, next| {
        all.message = [all.message, next.message].join("; ");
        all
    })?;
    if more > 0 {
        failure.message = format!("{}; and {more} more like these", failure.message);
    }
    Some(failure)
}
