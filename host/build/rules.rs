//! Finds the rules of a policy in its README, each with a scenario that triggers it and one that does not,
//! for `rollgate explain`.

use std::fs;
use std::io;
use std::path::Path;

/// A rule, as the README documents it.
pub(crate) struct Rule {
    pub(crate) name: String,
    pub(crate) level: String,
    pub(crate) finds: String,
    /// The section of the README about it.
    pub(crate) why: String,
    pub(crate) wrong: Option<Scenario>,
    pub(crate) right: Option<Scenario>,
}

/// A file in the folder `scenarios`.
#[derive(Clone)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    pub(crate) text: String,
}

/// Reads the rules of the policy in this folder: the rows of its README's table.
pub(crate) fn read(folder: &Path) -> io::Result<Vec<Rule>> {
    let readme = folder.join("README.md");
    if !readme.is_file() {
        return Ok(Vec::new());
    }
    let readme = fs::read_to_string(readme)?;
    let scenarios = scenarios(&folder.join("scenarios"))?;
    let rows = readme.lines().filter_map(row);
    let rules = rows.map(|row| Rule {
        why: section(&readme, row.anchor),
        wrong: wrong(row.name, &scenarios).cloned(),
        right: right(row.name, &scenarios).cloned(),
        name: row.name.to_owned(),
        level: row.level.to_owned(),
        finds: row.finds.to_owned(),
    });
    Ok(rules.collect())
}

struct Row<'a> {
    name: &'a str,
    anchor: &'a str,
    level: &'a str,
    finds: &'a str,
}

/// Reads a row such as ``| [`rule`](#anchor) | deny | what it finds |``.
fn row(line: &str) -> Option<Row<'_>> {
    let (name, rest) = line.strip_prefix("| [`")?.split_once("`](#")?;
    let (anchor, rest) = rest.split_once(')')?;
    let mut cells = rest.trim_matches([' ', '|']).split(" | ");
    let (level, finds) = (cells.next()?.trim(), cells.next()?.trim());
    Some(Row {
        name,
        anchor,
        level,
        finds,
    })
}

/// Returns the text below the heading with this anchor.
fn section(readme: &str, anchor: &str) -> String {
    let mut lines = readme.lines();
    let is_heading = |line: &str| {
        let heading = line.strip_prefix("### ");
        heading.is_some_and(|heading| anchor_of(heading) == anchor)
    };
    if !lines.any(is_heading) {
        return String::new();
    }
    let below = lines.take_while(|line| !line.starts_with("##"));
    let text: Vec<&str> = below.collect();
    text.join("\n").trim().to_owned()
}

/// Returns the anchor that Markdown gives a heading.
fn anchor_of(heading: &str) -> String {
    let heading = heading.to_lowercase();
    let kept = heading
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// Returns the scenario that is named after the rule and triggers it, else the first that triggers it.
fn wrong<'a>(rule: &str, scenarios: &'a [Scenario]) -> Option<&'a Scenario> {
    let firing = || scenarios.iter().filter(|one| one.fires(rule));
    firing()
        .find(|one| one.name == rule)
        .or_else(|| firing().next())
}

/// Returns a scenario that is named after the rule and comes close to it: if possible one without any
/// finding, and about the same kind as the wrong one.
fn right<'a>(rule: &str, scenarios: &'a [Scenario]) -> Option<&'a Scenario> {
    let near = || {
        let named = scenarios.iter().filter(|one| one.name.starts_with(rule));
        named.filter(|one| !one.fires(rule))
    };
    let kind = wrong(rule, scenarios).and_then(Scenario::kind);
    let sound = |one: &&Scenario| !one.text.contains("- rule: ");
    let alike = near().filter(sound).find(|one| one.kind() == kind);
    alike
        .or_else(|| near().find(sound))
        .or_else(|| near().next())
}

impl Scenario {
    fn fires(&self, rule: &str) -> bool {
        self.text.contains(&format!("- rule: {rule}\n"))
    }

    /// Returns the kind of the new object.
    fn kind(&self) -> Option<&str> {
        let (_, new) = self.text.split_once("\nnew:\n")?;
        new.lines().find_map(|line| line.strip_prefix("  kind: "))
    }
}

fn scenarios(folder: &Path) -> io::Result<Vec<Scenario>> {
    let mut scenarios = Vec::new();
    if !folder.is_dir() {
        return Ok(scenarios);
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            scenarios.push(Scenario {
                name: name.into_owned(),
                text: fs::read_to_string(&path)?,
            });
        }
    }
    scenarios.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(scenarios)
}
