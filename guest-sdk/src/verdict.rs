//! Verdicts, and their combination.

use crate::{Evidence, Failure, Finding, Outcome};
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
        self.outcome = self.outcome.and(other.outcome);
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

/// The findings of a check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    list: Vec<Finding>,
}

impl Findings {
    /// Creates an empty list.
    #[must_use]
    pub const fn new() -> Self {
        Self { list: Vec::new() }
    }

    /// Adds a finding.
    pub fn push(&mut self, finding: Finding) {
        self.list.push(finding);
    }

    /// Whether there are no findings.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Returns the findings, in the order in which they were added.
    pub fn iter(&self) -> std::slice::Iter<'_, Finding> {
        self.list.iter()
    }

    /// Returns the findings as a `Vec`.
    #[must_use]
    pub fn into_vec(self) -> Vec<Finding> {
        self.list
    }
}

impl Extend<Finding> for Findings {
    fn extend<I: IntoIterator<Item = Finding>>(&mut self, findings: I) {
        self.list.extend(findings);
    }
}

impl From<Vec<Finding>> for Findings {
    fn from(list: Vec<Finding>) -> Self {
        Self { list }
    }
}

impl IntoIterator for Findings {
    type Item = Finding;
    type IntoIter = std::vec::IntoIter<Finding>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.into_iter()
    }
}

impl<'a> IntoIterator for &'a Findings {
    type Item = &'a Finding;
    type IntoIter = std::slice::Iter<'a, Finding>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.iter()
    }
}

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
