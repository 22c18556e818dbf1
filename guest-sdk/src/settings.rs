//! Settings: what the operator wrote, as the policy's own type, or what is wrong with it.

use serde::de::DeserializeOwned;

/// What is wrong with the settings: each culprit with its JSON pointer, so that the host can show
/// the operator the line.
///
/// ```
/// use rollgate_sdk::SettingsError;
///
/// let error = SettingsError::at("/windows/0/zone", "there is no time zone `Europe/Berln`");
/// assert_eq!(error.to_string(), "/windows/0/zone: there is no time zone `Europe/Berln`");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsError {
    problems: Vec<(String, String)>,
}

impl SettingsError {
    /// One thing wrong: its RFC 6901 pointer into the settings (empty for the settings as a
    /// whole), and what is wrong and what would be right.
    #[must_use]
    pub fn at(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            problems: vec![(path.into(), message.into())],
        }
    }

    /// One more thing wrong. An operator would rather mend all mistakes at once.
    #[must_use]
    pub fn and(mut self, path: impl Into<String>, message: impl Into<String>) -> Self {
        self.problems.push((path.into(), message.into()));
        self
    }

    /// The pointer and message of each problem.
    #[must_use]
    pub fn problems(&self) -> &[(String, String)] {
        &self.problems
    }

    /// `Ok` where a check collected no problem, else all of them.
    ///
    /// # Errors
    /// There is a problem.
    pub fn none_of(problems: Vec<(String, String)>) -> Result<(), Self> {
        if problems.is_empty() {
            Ok(())
        } else {
            Err(Self { problems })
        }
    }

    #[cfg(target_arch = "wasm32")]
    pub(crate) fn into_problems(self) -> Vec<(String, String)> {
        self.problems
    }
}

impl std::fmt::Display for SettingsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, (path, message)) in self.problems.iter().enumerate() {
            let line = if index == 0 { "" } else { "\n" };
            let at = if path.is_empty() { "settings" } else { path };
            write!(f, "{line}{at}: {message}")?;
        }
        Ok(())
    }
}

impl std::error::Error for SettingsError {}

/// Reads settings from JSON text, strictly.
pub(crate) fn parse<T: DeserializeOwned>(json: &str) -> Result<T, SettingsError> {
    serde_json::from_str(json).map_err(|error| SettingsError::at("", error.to_string()))
}
