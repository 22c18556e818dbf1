//! Verdicts: what a policy returns for a rollout.

use std::fmt;

use rollgate_contract::{Evidence, Finding, Outcome};

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

/// Something in a verdict that violates the contract.
///
/// The verdict counts nevertheless, in its strictest reading; a test of the policy fails.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// A hold or denial has no finding.
    #[error("findings: the outcome is `{0}`, and no finding says why")]
    NoReason(&'static str),
    /// The end of a hold is not a valid instant.
    #[error(
        "outcome: the end of the hold is not a valid time ({0}), so it counts as one without an end"
    )]
    Until(String),
    /// A severity is not a word of the contract.
    #[error(
        "findings/{index}/severity: `{}` is none of deny, hold, warn and info, so it counts as deny", shown(.word)
    )]
    Severity {
        /// The index of the finding.
        index: usize,
        /// The word of the policy.
        word: String,
    },
    /// A rule is not a valid name.
    #[error(
        "findings/{index}/rule: `{}` is not a valid name: write 1 to {RULE_BYTES} letters, digits, `-`, `_` and `.`, such as `readiness-missing`", shown(.rule)
    )]
    Rule {
        /// The index of the finding.
        index: usize,
        /// The rule as the policy named it.
        rule: String,
    },
    /// A path is not a JSON pointer.
    #[error(
        "findings/{index}/path: `{}` is not a JSON pointer (RFC 6901): {why}", shown(.path)
    )]
    Path {
        /// The index of the finding.
        index: usize,
        /// The path as the policy wrote it.
        path: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A finding has no message.
    #[error("findings/{0}/message: it is empty; say what is wrong and why it hurts")]
    Message(usize),
    /// The time of a piece of evidence is not a valid instant.
    #[error("evidence/{index}/at: this is not a valid time ({why})")]
    At {
        /// The index of the evidence.
        index: usize,
        /// What is wrong with it.
        why: String,
    },
}

/// All violations of one verdict, which fail a test of the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContractViolations(Vec<Violation>);

/// The limit for the value of a Kubernetes label.
const RULE_BYTES: usize = 63;
/// The number of violations that are reported.
const MOST: usize = 16;
/// The number of characters of a policy's word that are shown.
const SHOWN_CHARS: usize = 80;

impl Verdict {
    /// Creates a verdict from what a policy returned. The stricter of outcome and findings decides.
    /// Whatever violates the contract is replaced by something that cannot weaken the verdict, and
    /// is reported by [`violations`](Self::violations).
    #[must_use]
    pub fn new(outcome: Outcome, mut findings: Vec<Finding>, evidence: Vec<Evidence>) -> Self {
        let mut violations = Vec::new();
        for (index, finding) in findings.iter_mut().enumerate() {
            mend(finding, index, &mut violations);
        }
        let outcome = findings.iter().fold(outcome, |outcome, finding| {
            outcome.at_least(finding.severity)
        });
        if outcome != Outcome::Allow && findings.is_empty() {
            violations.push(Violation::NoReason(outcome.as_str()));
        }
        violations.truncate(MOST);
        Self {
            outcome,
            findings,
            evidence,
            extra: Vec::new(),
            violations,
        }
    }

    /// Adds violations that were found while the parts were converted.
    #[must_use]
    pub fn with_violations(mut self, violations: impl IntoIterator<Item = Violation>) -> Self {
        let room = MOST.saturating_sub(self.violations.len());
        self.violations.extend(violations.into_iter().take(room));
        self
    }

    /// Returns the violations of the contract.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// Checks that the policy keeps the contract, for tests of it.
    ///
    /// # Errors
    /// All violations.
    pub fn check_contract(&self) -> Result<(), ContractViolations> {
        match self.violations.as_slice() {
            [] => Ok(()),
            violations => Err(ContractViolations(violations.to_vec())),
        }
    }
}

impl std::error::Error for ContractViolations {}

impl fmt::Display for ContractViolations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the policy's verdict breaks the contract:")?;
        self.0
            .iter()
            .try_for_each(|violation| write!(f, "\n  {violation}"))
    }
}

/// Replaces invalid parts of a finding by ones that can be shown.
fn mend(finding: &mut Finding, index: usize, violations: &mut Vec<Violation>) {
    if !is_name(&finding.rule) {
        violations.push(Violation::Rule {
            index,
            rule: finding.rule.clone(),
        });
        if finding.rule.trim().is_empty() {
            "unnamed".clone_into(&mut finding.rule);
        }
    }
    if let Err(why) = json_pointer(&finding.path) {
        violations.push(Violation::Path {
            index,
            path: std::mem::take(&mut finding.path),
            why,
        });
    }
    if finding.message.trim().is_empty() {
        violations.push(Violation::Message(index));
        finding.message = format!("the policy gives no message (rule `{}`)", finding.rule);
    }
}

/// Whether a rule has the syntax of a label's value, so that it fits into metrics and annotations.
fn is_name(rule: &str) -> bool {
    let ends = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    let mut bytes = rule.bytes();
    rule.len() <= RULE_BYTES
        && ends(rule.bytes().next())
        && ends(rule.bytes().next_back())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// Checks the syntax of an RFC 6901 pointer.
fn json_pointer(path: &str) -> Result<(), &'static str> {
    if !path.is_empty() && !path.starts_with('/') {
        return Err("it starts with `/`, or is empty for the object as a whole");
    }
    let escapes = path.split('~').skip(1);
    if !escapes.into_iter().all(|rest| rest.starts_with(['0', '1'])) {
        return Err("a `~` in a name is written `~0`, and a `/` `~1`");
    }
    Ok(())
}

fn shown(word: &str) -> String {
    let mut escaped: String = word.chars().take(SHOWN_CHARS).collect();
    if escaped.len() < word.len() {
        escaped.push('…');
    }
    escaped.escape_debug().to_string()
}
