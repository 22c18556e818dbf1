//! Settings of a policy, and the mistakes in them.

use rollgate_strict::FieldError;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The mistakes in the settings, each with its JSON pointer, so that the host can show the operator
/// the line.
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
    /// Creates an error with one mistake: its RFC 6901 pointer into the settings (empty for the
    /// settings as a whole), and a message that says what is wrong and what would be right.
    #[must_use]
    pub fn at(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            problems: vec![(path.into(), message.into())],
        }
    }

    /// Adds a mistake, so that the operator can fix all of them at once.
    #[must_use]
    pub fn and(mut self, path: impl Into<String>, message: impl Into<String>) -> Self {
        self.problems.push((path.into(), message.into()));
        self
    }

    /// Returns the pointer and message of each mistake.
    #[must_use]
    pub fn problems(&self) -> &[(String, String)] {
        &self.problems
    }

    /// Returns `Ok` if a check collected no mistakes.
    ///
    /// # Errors
    /// There are mistakes.
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

/// Parses settings from JSON text. Unknown fields are errors even where the type does not say
/// `deny_unknown_fields`: a mistyped setting must not count as one that is not set.
pub(crate) fn parse<T: DeserializeOwned>(json: &str) -> Result<T, SettingsError> {
    let tree: Value = serde_json::from_str(json).map_err(|error| {
        SettingsError::at("", format!("the settings are not valid JSON: {error}"))
    })?;
    if !tree.is_object() {
        // serde would read a list as a struct, field by field.
        return Err(SettingsError::at(
            "",
            "the settings must be a mapping of names to values",
        ));
    }
    rollgate_strict::from_value_strict(&tree).map_err(|errors| {
        let problem = |error: FieldError| (error.pointer, error.problem.to_string());
        SettingsError {
            problems: errors.into_iter().map(problem).collect(),
        }
    })
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
    fn valid_settings_are_parsed() {
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

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    #[expect(dead_code, reason = "read to be refused")]
    struct EveryType {
        level: Option<Level>,
        switch: Option<Switch>,
        small: Option<u8>,
        count: Option<usize>,
        positive: Option<std::num::NonZeroU32>,
        signed: Option<i64>,
        ratio: Option<f64>,
        short: Option<f32>,
        flag: Option<bool>,
        name: Option<String>,
        letter: Option<char>,
        pair: Option<(u8, String)>,
        array: Option<[u8; 3]>,
        check: Option<Strict>,
        rule: Option<Rule>,
        by_name: Option<BTreeMap<String, u32>>,
        port: Option<Port>,
        kind: Option<Tagged>,
        newtype: Option<Newtype>,
        nothing: Option<()>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Level {
        Deny,
        Warn,
        Ignore,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Switch {
        On,
        Off,
    }

    #[derive(Debug, Deserialize)]
    #[serde(untagged)]
    #[expect(dead_code, reason = "read to be refused")]
    enum Port {
        Number(u16),
        Name(String),
    }

    #[derive(Debug, Deserialize)]
    #[serde(tag = "kind", rename_all = "lowercase")]
    #[expect(dead_code, reason = "read to be refused")]
    enum Tagged {
        Limit { most: u32, what: Strict },
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "read to be refused")]
    struct Newtype(u16);

    #[test]
    fn messages_never_name_a_rust_type() {
        let values = [
            "null",
            "false",
            "true",
            "-1",
            "4.5",
            "1e300",
            r#""x""#,
            r#""5""#,
            r#""""#,
            "[]",
            "[1]",
            "{}",
            r#"{"a": 1}"#,
            r#"{"a": 1, "b": 2}"#,
            r#"{"kind": "limit"}"#,
            r#"{"kind": "limit", "most": "x", "what": 5}"#,
            r#"{"kind": "limit", "most": 1, "what": 5}"#,
            r#"{"kind": "other"}"#,
            r#"{"atMost": []}"#,
            r#"{"limit": []}"#,
        ];
        let fields = [
            "level", "switch", "small", "count", "positive", "signed", "ratio", "short", "flag",
            "name", "letter", "pair", "array", "check", "rule", "byName", "port", "kind",
            "newtype", "nothing",
        ];
        let rust = [
            "u8",
            "u16",
            "u32",
            "u64",
            "usize",
            "i64",
            "f32",
            "f64",
            "struct",
            "enum",
            "variant",
            "tuple",
            "unit",
            "sequence",
            "map ",
            "Strict",
            "EveryType",
            "integer",
            "identifier",
            "nonzero",
            "invalid",
        ];
        let mut refused = 0;
        for (field, value) in fields
            .iter()
            .flat_map(|field| values.map(|value| (field, value)))
        {
            let json = format!(r#"{{"{field}": {value}}}"#);
            let Err(error) = parse::<EveryType>(&json) else {
                continue;
            };
            refused += 1;
            for (path, message) in error.problems() {
                assert!(path.starts_with(&format!("/{field}")), "{json}: {path}");
                let word = rust.iter().find(|word| message.contains(**word));
                assert_eq!(word, None, "{json}: {message}");
            }
        }
        assert!(refused > fields.len() * 10, "{refused}");
    }

    #[test]
    fn word_that_yaml_reads_as_a_boolean_is_explained() {
        for (json, message) in [
            (
                r#"{"level": false}"#,
                "/level: expected one of `deny`, `warn`, `ignore`, found the boolean `false` \
                 (YAML reads `off` and `no` so); did you mean `ignore`?",
            ),
            (
                r#"{"level": true}"#,
                "/level: expected one of `deny`, `warn`, `ignore`, found the boolean `true` \
                 (YAML reads `on` and `yes` so)",
            ),
            (
                r#"{"switch": false}"#,
                "/switch: expected one of `on`, `off`, found the boolean `false` \
                 (YAML reads `off` and `no` so); for the word write \"off\" in quotes",
            ),
            (
                r#"{"name": true}"#,
                "/name: expected a string in quotes, found the boolean `true` \
                 (YAML reads `on` and `yes` so)",
            ),
        ] {
            assert_eq!(problems::<EveryType>(json), [message]);
        }
    }

    #[test]
    fn wrong_number_is_explained_in_the_words_of_yaml() {
        for (json, message) in [
            (
                r#"{"small": 300}"#,
                "/small: expected a whole number from 0 to 255, found the number `300`",
            ),
            (
                r#"{"small": 1.5}"#,
                "/small: expected a whole number from 0 to 255, found the number `1.5`",
            ),
            (
                r#"{"positive": 0}"#,
                "/positive: expected a whole number from 1 to 4294967295, found the number `0`",
            ),
            (
                r#"{"ratio": "0.5"}"#,
                "/ratio: expected a number, found the string \"0.5\"; write it without quotes",
            ),
            (
                r#"{"ratio": "5 %"}"#,
                "/ratio: expected a number, found the string \"5 %\"",
            ),
            (
                r#"{"check": 5}"#,
                "/check: expected a mapping, found the number `5`",
            ),
            (
                r#"{"check": {"limt": 5}}"#,
                "/check/limt: there is no field `limt` here; did you mean `limit`?",
            ),
        ] {
            assert_eq!(problems::<EveryType>(json), [message]);
        }
    }

    #[test]
    fn unknown_field_is_refused_at_every_level() {
        let json = r#"{"maxage": 3, "checks": [{"name": "a", "x": 1}], "teams": {"a/b": {"name": "b", "y": 1}}}"#;
        assert_eq!(
            problems::<Settings>(json),
            [
                "/checks/0/x: there is no field `x` here; known are `name`",
                "/maxage: there is no field `maxage` here; did you mean `maxAge`?",
                "/teams/a~1b/y: there is no field `y` here; known are `name`",
            ]
        );
        assert_eq!(
            problems::<Strict>(r#"{"limits": 1}"#),
            ["/limits: there is no field `limits` here; did you mean `limit`?"]
        );
    }

    #[test]
    fn wrong_value_is_reported_with_its_pointer() {
        assert_eq!(
            problems::<Settings>(r#"{"checks": [{"name": "a"}, {"name": 3}]}"#),
            ["/checks/1/name: expected a string in quotes, found the number `3`"]
        );
        assert_eq!(
            problems::<Settings>(r#"{"checks": [{}]}"#),
            ["/checks/0: the field `name` is missing"]
        );
        assert_eq!(
            problems::<Settings>(r#"{"rule": {"atMost": "x"}}"#),
            [r#"/rule/atMost: expected a whole number from 0 to 4294967295, found the string "x""#]
        );
        assert_eq!(
            problems::<Settings>(r#"{"rule": {"atLeast": 1}}"#),
            ["/rule: `atLeast` is not allowed here; known are `atMost`"]
        );
        assert_eq!(
            problems::<Settings>("[]"),
            [": the settings must be a mapping of names to values"]
        );
    }
}
