//! Failures: a policy could not reach a verdict.

use std::fmt;

/// Why a policy could not reach a verdict. The operator's `onError` then decides.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Failure {
    /// `no-data`, `source`, `unsupported`, `internal`, or any other word.
    pub code: String,
    /// What happened, in words for users.
    pub message: String,
    /// Reserved for later versions of the contract.
    pub extra: Vec<(String, String)>,
}

impl Failure {
    /// Creates a failure with any code.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            extra: Vec::new(),
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

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Failure {}
