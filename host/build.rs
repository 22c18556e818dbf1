//! Builds the bundled policies to Wasm, so that they are part of the binary.
//!
//! A nested cargo with a target folder of its own: the outer one holds the lock on its own.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const TARGET: &str = "wasm32-unknown-unknown";
const BUNDLED: [&str; 3] = ["probes", "time-window", "metrics-threshold"];

/// What the nested build reads, from the root of the workspace.
const READ: [&str; 5] = ["Cargo.toml", "Cargo.lock", "guest-sdk", "policies", "wit"];

/// Set for the host, these would break or needlessly rebuild the guests.
const NOT_FOR_GUESTS: [&str; 7] = [
    "CARGO_BUILD_TARGET",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_TARGET_DIR",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_WRAPPER",
    "RUSTDOCFLAGS",
    "RUSTFLAGS",
];

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the crate lies in a workspace");
    for path in READ {
        println!("cargo::rerun-if-changed={}", root.join(path).display());
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    if let Err(problem) = build(root, &out) {
        for line in problem.lines() {
            println!("cargo::error={line}");
        }
        return ExitCode::FAILURE;
    }
    fs::write(out.join("builtin.rs"), table(&out)).expect("OUT_DIR can be written");
    ExitCode::SUCCESS
}

fn build(root: &Path, out: &Path) -> Result<(), String> {
    let mut cargo = Command::new(env::var_os("CARGO").expect("cargo sets CARGO"));
    cargo.current_dir(root).args([
        "build",
        "--locked",
        "--profile",
        "guest",
        "--target",
        TARGET,
    ]);
    cargo.arg("--target-dir").arg(out.join("guests"));
    for name in BUNDLED {
        cargo.args(["--package", &format!("rollgate-policy-{name}")]);
    }
    for variable in NOT_FOR_GUESTS {
        cargo.env_remove(variable);
    }
    let output = cargo
        .output()
        .map_err(|error| format!("cargo could not be started for the bundled policies: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    // rustc's E0463 is the one error that a missing target shows as.
    let hint = if said.contains("E0463") || !has_target() {
        format!("the Wasm target is missing; add it with: rustup target add {TARGET}\n")
    } else {
        String::new()
    };
    Err(format!(
        "{hint}the bundled policies could not be built:\n{said}"
    ))
}

/// Whether the standard library for guests is installed.
fn has_target() -> bool {
    let rustc = env::var_os("RUSTC").expect("cargo sets RUSTC");
    let output = Command::new(rustc)
        .args(["--print", "target-libdir", "--target", TARGET])
        .output();
    output.is_ok_and(|output| Path::new(String::from_utf8_lossy(&output.stdout).trim()).exists())
}

/// The table of names and bytes that the host includes.
fn table(out: &Path) -> String {
    let row = |name: &str| {
        let file = format!("rollgate_policy_{}.wasm", name.replace('-', "_"));
        let path = out.join("guests").join(TARGET).join("guest").join(file);
        format!(
            "    ({name:?}, include_bytes!({:?})),\n",
            path.display().to_string()
        )
    };
    let rows: String = BUNDLED.iter().map(|name| row(name)).collect();
    format!("const MODULES: &[(&str, &[u8])] = &[\n{rows}];\n")
}
