//! Programs that are heavy to start.

/// Whether starting the program starts an interpreter or a virtual machine: some hundred
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
    // A client that reads the whole API before it asks anything.
    "kubectl",
];
