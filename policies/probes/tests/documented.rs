//! The rules, their README and their scenarios agree.

use std::fs;
use std::path::Path;

use rollgate_policy_probes::rules::{Level, Levels, Rule};

#[test]
fn readme_lists_every_rule_with_its_default() {
    let readme = read("README.md");
    let listed: Vec<(&str, &str)> = readme.lines().filter_map(table_row).collect();
    let rules: Vec<(&str, &str)> = Rule::ALL
        .iter()
        .map(|&rule| (rule.id(), word(Levels::default().of(rule))))
        .collect();
    assert_eq!(listed, rules);
}

#[test]
fn every_rule_has_a_scenario_that_triggers_it_and_one_that_does_not() {
    let scenarios = scenarios();
    for rule in Rule::ALL {
        let fires = format!("- rule: {}\n", rule.id());
        let (firing, rest): (Vec<_>, Vec<_>) = scenarios
            .iter()
            .partition(|(_, text)| text.contains(&fires));
        assert!(!firing.is_empty(), "no scenario fires {}", rule.id());
        assert!(
            rest.iter().any(|(name, _)| name.starts_with(rule.id())),
            "no scenario comes close to {} without firing it",
            rule.id()
        );
    }
}

/// Returns the rule and its default level from a row of the README's table.
fn table_row(line: &str) -> Option<(&str, &str)> {
    let mut cells = line.strip_prefix("| [`")?.split('|').map(str::trim);
    let (rule, _) = cells.next()?.split_once('`')?;
    Some((rule, cells.next()?))
}

fn word(level: Level) -> &'static str {
    match level {
        Level::Deny => "deny",
        Level::Warn => "warn",
        Level::Info => "info",
        Level::Ignore => "ignore",
    }
}

/// Returns the name and text of every scenario.
fn scenarios() -> Vec<(String, String)> {
    fs::read_dir(folder().join("scenarios"))
        .expect("the scenarios are beside this crate")
        .map(|entry| {
            let path = entry.expect("the folder can be read").path();
            let name = path
                .file_stem()
                .expect("files have names")
                .to_string_lossy()
                .into_owned();
            (
                name,
                fs::read_to_string(&path).expect("a scenario can be read"),
            )
        })
        .collect()
}

fn read(file: &str) -> String {
    fs::read_to_string(folder().join(file)).expect("the file is beside this crate")
}

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
