//! Programs that are expensive to start.

/// Whether the program starts an interpreter or a virtual machine, which takes some hundred
/// milliseconds of CPU each time.
pub(super) fn is_heavy(program: &str) -> bool {
    let family = ["python", "kafka-"];
    family.iter().any(|start| program.starts_with(start)) || NAMES.contains(&program)
}

/// Interpreters and virtual machines, and the tools that are known to be written for them.
const NAMES: &[&str] = &[
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
