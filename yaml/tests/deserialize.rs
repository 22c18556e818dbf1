//! Strict deserialization: every mistake has its field, the expected value and the position.

use std::collections::BTreeMap;

use rollgate_yaml as yaml;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "read to be refused")]
struct Policy {
    name: String,
    #[serde(default)]
    max_hold: Option<u8>,
    #[serde(default)]
    action: Action,
    #[serde(default)]
    windows: Vec<Window>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
enum Action {
    #[default]
    Enforce,
    Warn,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "read to be refused")]
enum Window {
    Weekly { days: Vec<String> },
    Cron(String),
    Never,
}

fn read(text: &str) -> String {
    let mut documents = yaml::read(text.as_bytes());
    let document = documents.remove(0).expect("sound YAML");
    match document.read::<Policy>() {
        Ok(policy) => format!("{policy:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn matching_document_is_deserialized() {
    let read = read(
        "name: a\nmaxHold: 5\naction: Warn\nwindows: [never, {cron: x}, weekly: {days: [Mon]}]\nlabels: {a: b}\n",
    );
    let policy = r#"Policy { name: "a", max_hold: Some(5), action: Warn, windows: [Never, Cron("x"), Weekly { days: ["Mon"] }], labels: {"a": "b"} }"#;
    assert_eq!(read, policy);
}

#[test]
fn mistakes_are_reported_in_plain_words_with_their_position() {
    let cases = [
        "name: a\nmaxhold: 5\n",
        "name: a\nmaxHoldSeconds: 5\n",
        "maxHold: 5\n",
        "name: yes\n",
        "name: 5\n",
        "name: [a]\n",
        "name: a\nmaxHold: 300\n",
        "name: a\nmaxHold: -1\n",
        "name: a\nmaxHold: five\n",
        "name: a\naction: warn\n",
        "name: a\naction: Delete\n",
        "name: a\naction: 1\n",
        "name: a\nwindows: {}\n",
        "name: a\nwindows:\n  - weekly:\n      day: [Mon]\n",
        "name: a\nwindows:\n  - weekly:\n      days: [Mon, 2]\n",
        "name: a\nwindows:\n  - weekly\n",
        "name: a\nwindows:\n  - never: 1\n",
        "name: a\nwindows:\n  - weekly: {days: []}\n    cron: x\n",
        "name: a\nlabels:\n  a/b: 1\n",
        "x: &x {maxHold: 1}\nname: a\n",
        "- a\n",
        "just text\n",
    ];
    let told = cases
        .map(|text| format!("{text:?}\n  {}\n", read(text)))
        .join("");
    insta::assert_snapshot!(told);
}
