//! Findings: the reasons of a verdict.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The outcome that a finding demands. Ordered: the most severe finding decides a verdict.
///
/// Can be part of settings, as `info`, `warn`, `hold` or `deny`.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
#[schemars(description = "The outcome that a finding demands.")]
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

impl Severity {
    /// Returns the word of the contract.
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
/// use rollgate_contract::Finding;
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
    /// The outcome that this finding demands.
    pub severity: Severity,
    /// A short, stable name of the rule, such as `readiness-missing`.
    pub rule: String,
    /// The JSON pointer into the new object. For something absent, the pointer that it would have;
    /// the empty pointer means the object as a whole.
    pub path: String,
    /// What is wrong, and what it causes.
    pub message: String,
    /// The value that was found.
    pub found: Option<String>,
    /// The value that was expected.
    pub expected: Option<String>,
    /// How to fix it.
    pub hint: Option<String>,
    /// Whether the workload had the same finding before the change. The SDK's `WorkloadCheck` sets it.
    pub existing: bool,
    /// Reserved for later versions of the contract.
    pub extra: Vec<(String, String)>,
}

impl Finding {
    /// Creates a finding with a severity that is not fixed, such as one from the settings.
    ///
    /// `path` is the JSON pointer into the new object (the SDK's `Container::path_to` and `pointer`
    /// build one). `message` says what is wrong, and what it causes.
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
            extra: Vec::new(),
        }
    }

    /// Creates a finding that denies the rollout.
    pub fn deny(
        rule: impl Into<String>,
        path: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self::new(Severity::Deny, rule, path, message)
    }

    /// Creates a finding that blocks the rollout for now.
    pub fn hold(
        rule: impl Into<String>,
        path: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self::new(Severity::Hold, rule, path, message)
    }

    /// Creates a warning, with which the rollout is allowed.
    pub fn warn(
        rule: impl Into<String>,
        path: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self::new(Severity::Warn, rule, path, message)
    }

    /// Creates a finding for information.
    pub fn info(
        rule: impl Into<String>,
        path: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self::new(Severity::Info, rule, path, message)
    }

    /// Sets the value that was found. Never a secret: findings are shown to users and kept in audit
    /// logs.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "so that `3` and `format!(…)` read alike"
    )]
    pub fn found(mut self, found: impl ToString) -> Self {
        self.found = Some(found.to_string());
        self
    }

    /// Sets the value that was expected.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "so that `3` and `format!(…)` read alike"
    )]
    pub fn expected(mut self, expected: impl ToString) -> Self {
        self.expected = Some(expected.to_string());
        self
    }

    /// Sets how to fix it.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}
