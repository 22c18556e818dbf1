//! Builds packages of this workspace to Wasm modules, from a build script.
//!
//! The nested cargo has a target folder of its own, because the outer cargo holds the lock of the
//! other.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

const TARGET: &str = "wasm32-unknown-unknown";
const PROFILE: &str = "guest";

/// The inputs of every nested build, relative to the root of the workspace.
const READ: [&str; 10] = [
    "Cargo.toml",
    "Cargo.lock",
    "contract/Cargo.toml",
    "contract/src",
    "guest-sdk/Cargo.toml",
    "guest-sdk/README.md",
    "guest-sdk/src",
    "strict/Cargo.toml",
    "strict/src",
    "wit",
];
/// The inputs of a package, without its scenarios, tests and manual.
const READ_OF_PACKAGE: [&str; 3] = ["Cargo.toml", "build.rs", "src"];

/// Variables that are set for the host, and would break or needlessly rebuild the guests.
const NOT_FOR_GUESTS: [&str; 7] = [
    "CARGO_BUILD_TARGET",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_TARGET_DIR",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_WRAPPER",
    "RUSTDOCFLAGS",
    "RUSTFLAGS",
];

/// The guests that were built.
pub struct Guests {
    folder: PathBuf,
}

impl Guests {
    /// Returns the path of a package's module.
    #[must_use]
    pub fn module(&self, package: &str) -> PathBuf {
        self.folder
            .join(format!("{}.wasm", package.replace('-', "_")))
    }
}

/// Builds packages, and tells cargo to repeat it when `folder` (relative to the root), with the
/// packages in it, or an input of every guest changes.
///
/// # Errors
/// The output of cargo, with the command that adds the Wasm target where that is missing.
///
/// # Panics
/// Outside a build script, where cargo's variables are not set.
pub fn build(packages: &[&str], folder: &str) -> Result<Guests, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the crate lies in a workspace");
    rerun_if_changed(root, folder);
    let target = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("guests");
    let mut cargo = Command::new(env::var_os("CARGO").expect("cargo sets CARGO"));
    cargo.current_dir(root).args([
        "build",
        "--locked",
        "--profile",
        PROFILE,
        "--target",
        TARGET,
    ]);
    cargo.arg("--target-dir").arg(&target);
    for package in packages {
        cargo.args(["--package", package]);
    }
    for variable in NOT_FOR_GUESTS {
        cargo.env_remove(variable);
    }
    let output = cargo
        .output()
        .map_err(|error| format!("cargo could not be started for {packages:?}: {error}"))?;
    if output.status.success() {
        return Ok(Guests {
            folder: target.join(TARGET).join(PROFILE),
        });
    }
    let hint = if has_target() {
        String::new()
    } else {
        format!("the Wasm target is missing; add it with: rustup target add {TARGET}\n")
    };
    Err(format!(
        "{hint}{packages:?} could not be built:\n{}",
        String::from_utf8_lossy(&output.stderr)
    ))
}

/// A new package must also be added to the build script.
fn rerun_if_changed(root: &Path, folder: &str) {
    let packages = std::fs::read_dir(root.join(folder)).into_iter().flatten();
    let of_packages = packages.flatten().flat_map(|package| {
        READ_OF_PACKAGE
            .map(|name| package.path().join(name))
            .into_iter()
            .filter(|path| path.exists())
    });
    for path in READ.iter().map(|path| root.join(path)).chain(of_packages) {
        println!("cargo::rerun-if-changed={}", path.display());
    }
}

/// Prints these lines and fails a build script.
pub fn fail(problem: &str) -> std::process::ExitCode {
    for line in problem.lines() {
        println!("cargo::error={line}");
    }
    std::process::ExitCode::FAILURE
}

/// Whether the standard library for guests is installed.
fn has_target() -> bool {
    let rustc = env::var_os("RUSTC").expect("cargo sets RUSTC");
    let output = Command::new(rustc)
        .args(["--print", "target-libdir", "--target", TARGET])
        .output();
    output.is_ok_and(|output| Path::new(String::from_utf8_lossy(&output.stdout).trim()).exists())
}
