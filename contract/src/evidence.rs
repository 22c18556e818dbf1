//! Evidence: the facts of a verdict.

use jiff::Timestamp;

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
