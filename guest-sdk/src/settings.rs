//! Settings: what the operator wrote, as the policy's own type, or what is wrong with it.

use crate::pointer::push_segment;
use schemars::JsonSchema;
use serde::Deserialize;
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

/// The settings of a policy that has none: `{}` and nothing else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoSettings {}

/// Reads settings from JSON text, strictly: a field that no type takes is refused even where the
/// type does not say `deny_unknown_fields`, as a mistyped setting must not be a setting left out.
pub(crate) fn parse<T: DeserializeOwned>(json: &str) -> Result<T, SettingsError> {
    if !json.trim_start().starts_with('{') {
        // serde would take a list for a struct, field by field.
        return Err(SettingsError::at(
            "",
            "the settings must be a mapping of names to values",
        ));
    }
    let mut reader = serde_json::Deserializer::from_str(json);
    let mut track = serde_path_to_error::Track::new();
    let mut unknown = Vec::new();
    let tracked = serde_path_to_error::Deserializer::new(&mut reader, &mut track);
    let mut note = |path: serde_ignored::Path<'_>| unknown.push(ignored_pointer(&path));
    let strict = serde_ignored::Deserializer::new(tracked, &mut note);
    match T::deserialize(strict) {
        Err(error) => Err(SettingsError::at(
            error_pointer(&track.path()),
            without_position(&error),
        )),
        Ok(settings) => {
            let problem = |path| (path, "there is no such setting".to_owned());
            SettingsError::none_of(unknown.into_iter().map(problem).collect())?;
            Ok(settings)
        }
    }
}

/// The line and column that serde_json adds are those of the text that the host made, not of the
/// operator's file.
fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(end) if error.line() > 0 => text[..end].to_owned(),
        _ => text,
    }
}

fn error_pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Map { key } => push_segment(&mut pointer, key),
            Segment::Seq { index } => push_segment(&mut pointer, &index.to_string()),
            // A variant is a key of the JSON text only where its enum is externally tagged, and
            // then its value is what does not fit.
            Segment::Enum { variant } => push_segment(&mut pointer, variant),
            Segment::Unknown => break,
        }
    }
    pointer
}

fn ignored_pointer(path: &serde_ignored::Path<'_>) -> String {
    use serde_ignored::Path;
    match path {
        Path::Root => String::new(),
        Path::Map { parent, key } => child(parent, key),
        Path::Seq { parent, index } => child(parent, &index.to_string()),
        Path::Some { parent }
        | Path::NewtypeStruct { parent }
        | Path::NewtypeVariant { parent } => ignored_pointer(parent),
    }
}

fn child(parent: &serde_ignored::Path<'_>, segment: &str) -> String {
    let mut pointer = ignored_pointer(parent);
    push_segment(&mut pointer, segment);
    pointer
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Settings {
        #[serde(default)]
        max_age: u32,
        #[serde(default)]
        checks: Vec<Check>,
        #[serde(default)]
        teams: BTreeMap<String, Check>,
        #[serde(default)]
        rule: Option<Rule>,
    }

    #[derive(Debug, Deserialize)]
    struct Check {
        #[expect(dead_code, reason = "only read")]
        name: String,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase")]
    enum Rule {
        AtMost(u32),
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Strict {
        #[serde(default)]
        limit: u32,
    }

    fn problems<T: DeserializeOwned + std::fmt::Debug>(json: &str) -> Vec<String> {
        let error = parse::<T>(json).expect_err("wrong settings");
        error
            .problems()
            .iter()
            .map(|(path, message)| format!("{path}: {message}"))
            .collect()
    }

    #[test]
    fn sound_settings_are_read() {
        let json = r#"{"maxAge": 3, "checks": [{"name": "a"}], "teams": {"x": {"name": "b"}}, "rule": {"atMost": 1}}"#;
        let settings: Settings = parse(json).expect("sound");
        assert_eq!(
            (
                settings.max_age,
                settings.checks.len(),
                settings.teams.len()
            ),
            (3, 1, 1)
        );
        assert!(matches!(settings.rule, Some(Rule::AtMost(1))));
        assert_eq!(parse::<Strict>("{}").expect("sound").limit, 0);
    }

    #[test]
    fn an_unknown_field_is_refused_wherever_it_stands() {
        let json = r#"{"maxage": 3, "checks": [{"name": "a", "x": 1}], "teams": {"a/b": {"name": "b", "y": 1}}}"#;
        assert_eq!(
            problems::<Settings>(json),
            [
                "/maxage: there is no such setting",
                "/checks/0/x: there is no such setting",
                "/teams/a~1b/y: there is no such setting",
            ]
        );
        assert_eq!(
            problems::<Strict>(r#"{"limits": 1}"#),
            ["/limits: unknown field `limits`, expected `limit`"]
        );
    }

    #[test]
    fn a_wrong_value_is_pointed_at() {
        assert_eq!(
            problems::<Settings>(r#"{"checks": [{"name": "a"}, {"name": 3}]}"#),
            ["/checks/1/name: invalid type: integer `3`, expected a string"]
        );
        assert_eq!(
            problems::<Settings>(r#"{"checks": [{}]}"#),
            ["/checks/0: missing field `name`"]
        );
        assert_eq!(
            problems::<Settings>(r#"{"rule": {"atMost": "x"}}"#),
            [r#"/rule/atMost: invalid type: string "x", expected u32"#]
        );
        assert_eq!(
            problems::<Settings>(r#"{"rule": {"atLeast": 1}}"#),
            ["/rule: unknown variant `atLeast`, expected `atMost`"]
        );
        assert_eq!(
            problems::<Settings>("[]"),
            [": the settings must be a mapping of names to values"]
        );
    }
}
