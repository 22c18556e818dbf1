//! Makes the policies in `policies/` part of the binary: each folder is one, with the package
//! `rollgate-policy-` and its name.

use std::env;
use std::fs;
use std::io;
use std::path::Path;
use std::process::ExitCode;

const POLICIES: &str = "policies";

fn main() -> ExitCode {
    match bundle() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => rollgate_guest_build::fail(&problem),
    }
}

fn bundle() -> Result<(), String> {
    let names = names().map_err(|error| format!("cannot list `{POLICIES}`: {error}"))?;
    let packages: Vec<String> = names
        .iter()
        .map(|name| format!("rollgate-policy-{name}"))
        .collect();
    let named: Vec<&str> = packages.iter().map(String::as_str).collect();
    let guests = rollgate_guest_build::build(&named, POLICIES)?;
    let rows = names.iter().zip(&packages).map(|(name, package)| {
        let path = guests.module(package).display().to_string();
        format!("    ({name:?}, include_bytes!({path:?})),\n")
    });
    let table = format!(
        "const MODULES: &[(&str, &[u8])] = &[\n{}];\n",
        rows.collect::<String>()
    );
    let out = env::var_os("OUT_DIR").expect("cargo sets OUT_DIR");
    fs::write(Path::new(&out).join("builtin.rs"), table).expect("OUT_DIR can be written");
    Ok(())
}

/// Returns the names of the folders, sorted.
fn names() -> io::Result<Vec<String>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(POLICIES);
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.path().join("Cargo.toml").is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}
