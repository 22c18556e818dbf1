//! Findings: the reasons of a verdict.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a finding asks for. Ordered: the most severe finding decides a verdict.
///
/// Fit for settings: it is read from `info`, `warn`, `hold` or `deny`.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
#[schemars(description = "What a finding asks for.")]
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

impl Severity {
    /// The word that the contract uses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Hold => "hold",
            Self::Deny => "deny",
        }
    }
}

/// One reason: a rule, the place in the object, and a sentence that a tired person understands.
///
/// ```
/// use rollgate_sdk::Finding;
///
/// let finding = Finding::deny(
///     "too-few-replicas",
///     "/spec/replicas",
///     "One replica: each rollout and each drained node takes the service down",
/// )
/// .found(1)
/// .expected("at least 2")
/// .hint("Set spec.replicas to 2 or more");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Finding {
    /// What this finding asks for.
    pub severity: Severity,
    /// A short, stable name of the rule, such as `readiness-missing`.
    pub rule: String,
    /// The JSON pointer into the new object. What is absent is pointed at where it would stand;
    /// the empty pointer is the object as a whole.
    pub path: String,
    /// What is wrong and why it hurts.
    pub message: String,
    /// What stands there.
    pub found: Option<String>,
    /// What should stand there.
    pub expected: Option<String>,
    /// What to do.
    pub hint: Option<String>,
    /// Whether the old object has it too. A [`WorkloadCheck`](crate::WorkloadCheck) sets it.
    pub existing: bool,
}

impl Finding {
    /// A finding of a given severity, such as one from the settings.
    ///
    /// `path` is where in the new object ([`Container::path_to`](crate::Container::path_to) and
    /// [`pointer`](crate::pointer()) help), `message` what is wrong there and why it hurts.
    pub fn new(
        severity: Severity,
        rule: impl Into<String>,
        path: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            severity,
            rule: rule.into(),
            path: path.into(),
            message: message.into(),
            found: None,
            expected: None,
            hint: None,
            existing: false,
        }
    }

    /// A finding that denies the rollout.
    pub fn deny(
        rule: impl Into<String>,
        path: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self::new(Severity::Deny, rule, path, message)
    }

    /// A finding that holds the rollout: not now.
    pub fn hold(
        rule: impl Into<String>,
        path: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self::new(Severity::Hold, rule, path, message)
    }

    /// A finding that lets the rollout go, with a warning.
    pub fn warn(
        rule: impl Into<String>,
        path: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self::new(Severity::Warn, rule, path, message)
    }

    /// A finding that is only worth knowing.
    pub fn info(
        rule: impl Into<String>,
        path: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self::new(Severity::Info, rule, path, message)
    }

    /// What stands there. Never a secret: findings are shown to users and kept in audit logs.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "so that `3` and `format!(…)` read alike"
    )]
    pub fn found(mut self, found: impl ToString) -> Self {
        self.found = Some(found.to_string());
        self
    }

    /// What should stand there.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "so that `3` and `format!(…)` read alike"
    )]
    pub fn expected(mut self, expected: impl ToString) -> Self {
        self.expected = Some(expected.to_string());
        self
    }

    /// What to do.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Where a check puts its findings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    list: Vec<Finding>,
}

impl Findings {
    /// None yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { list: Vec::new() }
    }

    /// Adds a finding.
    pub fn push(&mut self, finding: Finding) {
        self.list.push(finding);
    }

    /// Whether nothing was found.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The findings, in the order they were added.
    pub fn iter(&self) -> std::slice::Iter<'_, Finding> {
        self.list.iter()
    }

    /// The findings as a list.
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
