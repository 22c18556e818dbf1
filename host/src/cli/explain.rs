//! `rollgate explain`: says what a rule means, with a wrong and a right manifest.

use std::io::{self, Write};

use anyhow::bail;

use super::terminal::BOLD;
use super::{Exit, output};
use crate::config::builtin::{self, Example, Rule};

/// Explain a rule: what it finds, why, and a wrong and a right manifest
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The name of a rule, as findings show it: `readiness-missing` or `probes/readiness-missing`
    rule: String,
}

/// Runs the command.
///
/// # Errors
/// There is no such rule, or the output cannot be written.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let (policy, name) = match args.rule.split_once('/') {
        Some((policy, name)) => (Some(policy), name),
        None => (None, args.rule.as_str()),
    };
    let named = |rule: &&Rule| rule.name == name && policy.is_none_or(|it| it == rule.policy);
    let found: Vec<&Rule> = builtin::rules().iter().filter(named).collect();
    if found.is_empty() {
        bail!(
            "no bundled policy has a rule `{}`; `rollgate policies show NAME` lists the rules of one",
            args.rule.escape_debug()
        );
    }
    output::settle(Exit::Success, show(&found))
}

fn show(rules: &[&Rule]) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    for (index, rule) in rules.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        let Rule {
            policy,
            name,
            level,
            finds,
            why,
            ..
        } = rule;
        writeln!(
            out,
            "{BOLD}{policy}/{name}{BOLD:#} ({level} by default)\n\n{finds}\n"
        )?;
        if !why.is_empty() {
            writeln!(out, "{why}\n")?;
        }
        example(&mut out, "wrong", rule.wrong)?;
        example(&mut out, "right", rule.right)?;
    }
    out.flush()
}

/// Writes the objects of a scenario, which is a test of the policy.
fn example(out: &mut impl Write, title: &str, example: Option<Example>) -> io::Result<()> {
    let Some(Example { scenario, text }) = example else {
        return Ok(());
    };
    writeln!(out, "{BOLD}{title}{BOLD:#}: {}\n", description(text))?;
    for part in [
        "settings",
        "now",
        "old",
        "new",
        "objects",
        "objectErrors",
        "metrics",
    ] {
        if let Some(lines) = block(text, part) {
            for line in lines {
                writeln!(out, "    {line}")?;
            }
        }
    }
    writeln!(out, "\n    (scenario {scenario})\n")
}

/// Returns the lines of a top-level field: its own, and those below it.
fn block<'a>(text: &'a str, field: &str) -> Option<impl Iterator<Item = &'a str>> {
    let is_field = |line: &&str| {
        let rest = line.strip_prefix(field);
        rest.is_some_and(|rest| rest.starts_with(':'))
    };
    let start = text.lines().position(|line| is_field(&line))?;
    let mut lines = text.lines().skip(start);
    let own = lines.next()?;
    let below = lines.take_while(|line| line.is_empty() || line.starts_with([' ', '-', '#']));
    Some(std::iter::once(own).chain(below))
}

/// Returns the description of a scenario in one line.
fn description(text: &str) -> String {
    let metadata = block(text, "metadata").into_iter().flatten();
    let described = metadata.skip_while(|line| !line.starts_with("  description:"));
    let words = described.flat_map(str::split_whitespace);
    let words = words.filter(|word| !["description:", ">-", "|"].contains(word));
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_rule_has_a_reason_and_both_examples() {
        assert!(!builtin::rules().is_empty());
        for rule in builtin::rules() {
            let id = format!("{}/{}", rule.policy, rule.name);
            assert!(!rule.why.is_empty(), "{id} has no section in the README");
            let wrong = rule.wrong.unwrap_or_else(|| panic!("{id} never fires"));
            assert!(
                wrong.text.contains(&format!("- rule: {}\n", rule.name)),
                "{id}"
            );
            let right = rule
                .right
                .unwrap_or_else(|| panic!("{id} has no right example"));
            assert!(
                !right.text.contains(&format!("- rule: {}\n", rule.name)),
                "{id}"
            );
        }
    }

    #[test]
    fn block_ends_where_the_next_field_begins() {
        let text = "metadata:\n  name: a\n  description: >-\n    One\n    two.\nnew:\n  a: 1\n\n  b: 2\nobjects:\n- c\n";
        let lines = |field| block(text, field).map(Iterator::collect::<Vec<_>>);
        assert_eq!(lines("new"), Some(vec!["new:", "  a: 1", "", "  b: 2"]));
        assert_eq!(lines("objects"), Some(vec!["objects:", "- c"]));
        assert_eq!(lines("old"), None);
        assert_eq!(description(text), "One two.");
    }
}
