//! What the command of a probe runs, as far as its text shows.
//!
//! Shell scripts are split as a shell splits them. What depends on a variable is not evaluated.

mod network;
mod shell;
mod wrappers;

use wrappers::{Runs, unwrap};

/// The maximum depth of scripts in scripts, which bounds the time.
const DEEPEST: u8 = 8;

/// Returns the first program in the command that starts an interpreter or a virtual machine, or is
/// one of `more`.
pub(crate) fn heavy_program(command: &[String], more: &[String]) -> Option<String> {
    let is_expensive =
        |program: &str| is_heavy(program) || more.iter().any(|heavy| heavy == program);
    find(command, DEEPEST, &|program, _| {
        is_expensive(program).then(|| program.to_owned())
    })
}

/// Returns the first host, other than the Pod itself, that the command contacts with a common
/// network tool.
pub(crate) fn foreign_target(command: &[String]) -> Option<String> {
    find(command, DEEPEST, &|program, arguments| {
        network::foreign_target(program, arguments).map(str::to_owned)
    })
}

/// Returns the first result of `look`, which is called for each program in a command and in the
/// scripts that it runs, with the program's file name and arguments.
fn find<F>(command: &[String], deepest: u8, look: &F) -> Option<String>
where
    F: Fn(&str, &[String]) -> Option<String>,
{
    match unwrap(command)? {
        Runs::Program(program, arguments) => look(program, arguments),
        Runs::Script(text) => find_in_script(&text, deepest.checked_sub(1)?, look),
    }
}

fn find_in_script<F>(text: &str, deepest: u8, look: &F) -> Option<String>
where
    F: Fn(&str, &[String]) -> Option<String>,
{
    let script = shell::parse(text);
    let mut commands = script.commands.iter();
    let found = commands.find_map(|command| find(command, deepest, look));
    found.or_else(|| {
        let deeper = deepest.checked_sub(1)?;
        let mut nested = script.nested.iter();
        nested.find_map(|text| find_in_script(text, deeper, look))
    })
}

fn file_name(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

/// Whether the program starts an interpreter or a virtual machine, which takes some hundred
/// milliseconds of CPU each time.
fn is_heavy(program: &str) -> bool {
    let family = ["python", "kafka-"];
    family.iter().any(|start| program.starts_with(start)) || HEAVY_PROGRAMS.contains(&program)
}

/// Interpreters and virtual machines, and the tools that are known to be written for them.
const HEAVY_PROGRAMS: &[&str] = &[
    // Virtual machines.
    "java",
    "dotnet",
    "mono",
    "erl",
    "elixir",
    "iex",
    // Interpreters.
    "node",
    "nodejs",
    "deno",
    "bun",
    "npm",
    "npx",
    "yarn",
    "pnpm",
    "ruby",
    "perl",
    "php",
    "Rscript",
    "pwsh",
    "powershell",
    "powershell.exe",
    // Tools that start one of these.
    "rabbitmqctl",
    "rabbitmq-diagnostics",
    "nodetool",
    "cqlsh",
    "zkCli.sh",
    "mongosh",
    "aws",
    "gcloud",
    "az",
    // A client that discovers the whole API first.
    "kubectl",
];

#[cfg(test)]
mod tests;
