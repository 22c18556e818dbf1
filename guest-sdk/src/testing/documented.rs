//! Tests that the rules of a policy, its README and its scenarios agree.

use crate::rules::Rules;
use rollgate_model::scenario;
use std::path::Path;

/// Tests that the README of a crate has a table with one row for each rule, in order: its name as a
/// link, and its default level.
///
/// # Panics
/// The README cannot be read, or its table differs from the rules.
#[track_caller]
pub fn readme_lists_rules<R: Rules>(folder: impl AsRef<Path>) {
    let readme = read(&folder.as_ref().join("README.md"));
    let listed: Vec<(&str, &str)> = readme.lines().filter_map(table_row).collect();
    let rules: Vec<(&str, &str)> = R::NAMES
        .iter()
        .zip(R::TABLE)
        .map(|(name, rule)| (*name, rule.level.as_str()))
        .collect();
    assert_eq!(listed, rules);
}

/// Tests that each rule has a scenario that triggers it, and one that comes close without: a file
/// in the crate's `scenarios` whose name starts with that of the rule.
///
/// # Panics
/// The scenarios cannot be read, or a rule lacks one.
#[track_caller]
pub fn scenarios_cover_rules<R: Rules>(folder: impl AsRef<Path>) {
    let files = scenario::files(&folder.as_ref().join("scenarios"));
    let files = files.expect("the scenarios are beside the crate");
    let texts: Vec<(String, String)> = files
        .iter()
        .map(|file| (file_name(file), read(file)))
        .collect();
    for rule in R::NAMES {
        let fires = format!("- rule: {rule}\n");
        let (firing, rest): (Vec<_>, Vec<_>) =
            texts.iter().partition(|(_, text)| text.contains(&fires));
        assert!(!firing.is_empty(), "no scenario fires {rule}");
        assert!(
            rest.iter().any(|(name, _)| name.starts_with(rule)),
            "no scenario comes close to {rule} without firing it"
        );
    }
}

/// Returns the rule and its default level from a row of the README's table.
fn table_row(line: &str) -> Option<(&str, &str)> {
    let mut cells = line.strip_prefix("| [`")?.split('|').map(str::trim);
    let (rule, _) = cells.next()?.split_once('`')?;
    Some((rule, cells.next()?))
}

fn file_name(file: &Path) -> String {
    let name = file.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

#[track_caller]
fn read(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}
