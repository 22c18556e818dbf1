//! `rollgate policies`: lists the bundled modules and sets, and prints a set, or a policy to start from.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use anyhow::bail;

use super::terminal::BOLD;
use super::{Exit, output};
use crate::config::builtin::{self, Module, Set};

/// List the bundled policies and sets, or print one
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Print the policies of a set, or a policy to start from, as YAML
    Show {
        /// The name of a set or of a bundled policy
        name: String,
    },
}

/// Runs the command.
///
/// # Errors
/// There is no set and no policy with this name, or the output cannot be written.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let Some(Command::Show { name }) = &args.command else {
        return output::settle(Exit::Success, list());
    };
    let mut sets = builtin::SETS.iter();
    if let Some(set) = sets.find(|set| set.name == name) {
        return output::settle(Exit::Success, output::text(set.text));
    }
    let mut modules = builtin::modules().iter();
    if let Some(module) = modules.find(|module| module.name == name) {
        return output::settle(Exit::Success, output::text(&skeleton(module)));
    }
    bail!(
        "no set and no policy `{}` is part of rollgate; `rollgate policies` lists them",
        name.escape_debug()
    );
}

fn list() -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    let names = builtin::names().chain(builtin::SETS.iter().map(|set| set.name));
    let width = names.map(str::len).max().unwrap_or_default();
    writeln!(out, "{BOLD}policies{BOLD:#}")?;
    for Module { name, summary, .. } in builtin::modules() {
        writeln!(out, "  {name:width$}  {summary}")?;
    }
    writeln!(out, "\n{BOLD}sets{BOLD:#}")?;
    for Set { name, summary, .. } in builtin::SETS {
        writeln!(out, "  {name:width$}  {summary}")?;
    }
    writeln!(
        out,
        "\n`rollgate policies show NAME` prints one, `rollgate explain RULE` explains a rule."
    )?;
    out.flush()
}

/// Writes a policy with the module, as it is in a set, or without settings. Its rules follow as a comment.
fn skeleton(module: &Module) -> String {
    let name = module.name;
    let mut text = format!("# {}\n", module.summary);
    text += &of_a_set(name).unwrap_or_else(|| {
        format!(
            "apiVersion: rollgate.dev/v1alpha1\nkind: ClusterRolloutPolicy\nmetadata:\n  \
             name: {name}\nspec:\n  module:\n    builtin: {name}\n  settings: {{}}\n  \
             action: Warn\n"
        )
    });
    let mut rules = builtin::rules()
        .iter()
        .filter(|rule| rule.policy == name)
        .peekable();
    if rules.peek().is_some() {
        text += "# Rules, for `settings.rules`, with their default levels:\n";
    }
    for rule in rules {
        let _ = writeln!(text, "#   {}: {}  # {}", rule.name, rule.level, rule.finds);
    }
    let _ = writeln!(text, "# `rollgate inspect {name}` shows all settings.");
    text
}

/// Returns the policy with this name from the mildest set that has it.
fn of_a_set(name: &str) -> Option<String> {
    let line = format!("    builtin: {name}");
    let policies = builtin::SETS.iter().flat_map(|set| set.text.split("---\n"));
    let mut with_it = policies.filter(|policy| policy.lines().any(|it| it == line));
    let policy = with_it.next()?;
    let start = policy.find("apiVersion: ")?;
    Some(policy[start..].to_owned())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::read_text;

    #[test]
    fn every_printed_policy_and_set_is_valid() {
        let sets = builtin::SETS
            .iter()
            .map(|set| (set.name, set.text.to_owned()));
        let modules = builtin::modules().iter();
        let skeletons = modules.map(|module| (module.name, skeleton(module)));
        for (name, text) in sets.chain(skeletons) {
            let read = read_text(name, &text, Path::new(""));
            assert_eq!(read.problems, [], "{name}: {text}");
            assert!(!read.policies.is_empty(), "{name}: {text}");
        }
    }

    #[test]
    fn strict_names_every_rule_of_its_policies() {
        let strict = builtin::SETS.iter().find(|set| set.name == "strict");
        let text = strict.expect("a set").text;
        for rule in builtin::rules() {
            let part_of_the_set = text.contains(&format!("    builtin: {}\n", rule.policy));
            let line = format!("      {}: deny\n", rule.name);
            assert!(!part_of_the_set || text.contains(&line), "{}", rule.name);
        }
    }
}
