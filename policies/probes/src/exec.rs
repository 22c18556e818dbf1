//! What the command of a probe starts and contacts, as far as its text shows.

mod network;

use rollgate_sdk::command;

/// Returns the first program in the command that starts an interpreter or a virtual machine, or is
/// one of `more`.
pub(crate) fn heavy_program(command: &[String], more: &[String]) -> Option<String> {
    let is_expensive =
        |program: &str| is_heavy(program) || more.iter().any(|heavy| heavy == program);
    command::find(command, &|program, _| {
        is_expensive(program).then(|| program.to_owned())
    })
}

/// Returns the first host, other than the Pod itself, that the command contacts with a common
/// network tool.
pub(crate) fn foreign_target(command: &[String]) -> Option<String> {
    command::find(command, &|program, arguments| {
        network::foreign_target(program, arguments).map(str::to_owned)
    })
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
