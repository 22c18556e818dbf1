//! What the contract asks of a verdict beyond its types, and how a verdict that breaks it is read.

use std::fmt;

use super::{Evidence, Finding, Outcome, Severity, Verdict};

/// Something in a verdict that breaks the contract.
///
/// The verdict counts nevertheless, in its strictest reading. A test of the policy fails.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Breach {
    /// A hold or denial without a finding.
    #[error("findings: the outcome is `{0}`, and no finding says why")]
    NoReason(&'static str),
    /// A hold until no point in time.
    #[error("outcome: the hold ends at no point in time ({0}), so it counts as one without an end")]
    Until(String),
    /// A severity that is no word of the contract.
    #[error(
        "findings/{index}/severity: `{}` is none of deny, hold, warn and info, so it counts as deny", shown(.word)
    )]
    Severity {
        /// Which finding.
        index: usize,
        /// What the policy said.
        word: String,
    },
    /// A rule that is no name.
    #[error(
        "findings/{index}/rule: `{}` is no name: write 1 to {RULE_BYTES} letters, digits, `-`, `_` and `.`, such as `readiness-missing`", shown(.rule)
    )]
    Rule {
        /// Which finding.
        index: usize,
        /// What the policy said.
        rule: String,
    },
    /// A path that is no JSON pointer.
    #[error(
        "findings/{index}/path: `{}` is no JSON pointer (RFC 6901): {why}", shown(.path)
    )]
    Path {
        /// Which finding.
        index: usize,
        /// What the policy said.
        path: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A finding that says nothing.
    #[error("findings/{0}/message: it is empty; say what is wrong and why it hurts")]
    Message(usize),
    /// A fact of no point in time.
    #[error("evidence/{index}/at: this is no point in time ({why})")]
    At {
        /// Which fact.
        index: usize,
        /// What is wrong with it.
        why: String,
    },
}

/// Why a test of a policy fails, whatever the verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenContract(Vec<Breach>);

/// As long as the value of a Kubernetes label.
const RULE_BYTES: usize = 63;
/// As many as help to mend a policy.
const MOST: usize = 16;
/// As much of a policy's word as is shown.
const SHOWN_CHARS: usize = 80;

impl Verdict {
    /// Reads what a policy said. The strictest of outcome and findings decides, and what breaks the
    /// contract is replaced by what cannot weaken the verdict and noted in
    /// [`breaches`](Self::breaches).
    #[must_use]
    pub fn new(outcome: Outcome, mut findings: Vec<Finding>, evidence: Vec<Evidence>) -> Self {
        let mut breaches = Vec::new();
        for (index, finding) in findings.iter_mut().enumerate() {
            mend(finding, index, &mut breaches);
        }
        let outcome = findings.iter().fold(outcome, |outcome, finding| {
            outcome.at_least(finding.severity)
        });
        if outcome != Outcome::Allow && findings.is_empty() {
            breaches.push(Breach::NoReason(outcome.as_str()));
        }
        breaches.truncate(MOST);
        Self {
            outcome,
            findings,
            evidence,
            extra: Vec::new(),
            breaches,
        }
    }

    /// Adds breaches that were found before the parts were put together.
    #[must_use]
    pub fn with_breaches(mut self, breaches: impl IntoIterator<Item = Breach>) -> Self {
        let room = MOST.saturating_sub(self.breaches.len());
        self.breaches.extend(breaches.into_iter().take(room));
        self
    }

    /// What breaks the contract.
    #[must_use]
    pub fn breaches(&self) -> &[Breach] {
        &self.breaches
    }

    /// Whether the policy keeps the contract, for a test of it.
    ///
    /// # Errors
    /// All that breaks it.
    pub fn keeps_contract(&self) -> Result<(), BrokenContract> {
        match self.breaches.as_slice() {
            [] => Ok(()),
            breaches => Err(BrokenContract(breaches.to_vec())),
        }
    }
}

impl Outcome {
    /// This outcome, or what `severity` asks for where that is stricter.
    const fn at_least(self, severity: Severity) -> Self {
        match (self, severity) {
            (_, Severity::Deny) => Self::Deny,
            (Self::Allow, Severity::Hold) => Self::Hold(None),
            (outcome, _) => outcome,
        }
    }
}

impl std::error::Error for BrokenContract {}

impl fmt::Display for BrokenContract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the policy's verdict breaks the contract:")?;
        self.0
            .iter()
            .try_for_each(|breach| write!(f, "\n  {breach}"))
    }
}

/// Replaces what is no sense by what every reader of a finding can show.
fn mend(finding: &mut Finding, index: usize, breaches: &mut Vec<Breach>) {
    if !is_name(&finding.rule) {
        breaches.push(Breach::Rule {
            index,
            rule: finding.rule.clone(),
        });
        if finding.rule.trim().is_empty() {
            "unnamed".clone_into(&mut finding.rule);
        }
    }
    if let Err(why) = json_pointer(&finding.path) {
        breaches.push(Breach::Path {
            index,
            path: std::mem::take(&mut finding.path),
            why,
        });
    }
    if finding.message.trim().is_empty() {
        breaches.push(Breach::Message(index));
        finding.message = format!("the policy gives no message (rule `{}`)", finding.rule);
    }
}

/// Whether a rule is named as the value of a label is written, so that it fits into records.
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
