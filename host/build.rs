//! Makes the policies in `policies/` part of the binary: each folder is one, with the package
//! `rollgate-policy-` and its name. Their summaries and rules come along.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[path = "build/rules.rs"]
mod rules;

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
    let (mut modules, mut rules) = (String::new(), String::new());
    for (name, package) in names.iter().zip(&packages) {
        let path = guests.module(package).display().to_string();
        let described = describe(name, &mut rules);
        let summary = described.map_err(|error| format!("cannot read policy `{name}`: {error}"))?;
        let _ = writeln!(
            modules,
            "    Module {{ name: {name:?}, summary: {summary:?}, bytes: include_bytes!({path:?}) }},"
        );
    }
    let table = format!(
        "const MODULES: &[Module] = &[\n{modules}];\nconst RULES: &[Rule] = &[\n{rules}];\n"
    );
    let out = env::var_os("OUT_DIR").expect("cargo sets OUT_DIR");
    fs::write(Path::new(&out).join("builtin.rs"), table).expect("OUT_DIR can be written");
    Ok(())
}

/// Adds the rules of a policy to a table, and returns its summary: the description of its crate, which the
/// module itself returns, too.
fn describe(policy: &str, table: &mut String) -> io::Result<String> {
    let folder = policies().join(policy);
    for part in ["Cargo.toml", "README.md", "scenarios"] {
        println!("cargo::rerun-if-changed={}", folder.join(part).display());
    }
    for rule in rules::read(&folder)? {
        let rules::Rule {
            name,
            level,
            finds,
            why,
            wrong,
            right,
        } = rule;
        let _ = writeln!(
            table,
            "    Rule {{ policy: {policy:?}, name: {name:?}, level: {level:?}, finds: {finds:?}, \
             why: {why:?}, wrong: {}, right: {} }},",
            example(wrong),
            example(right)
        );
    }
    let manifest = fs::read_to_string(folder.join("Cargo.toml"))?;
    let description = manifest
        .lines()
        .find_map(|line| line.strip_prefix("description = \"")?.strip_suffix('"'));
    Ok(description.unwrap_or_default().to_owned())
}

fn example(scenario: Option<rules::Scenario>) -> String {
    scenario.map_or_else(
        || "None".to_owned(),
        |rules::Scenario { name, text }| {
            format!("Some(Example {{ scenario: {name:?}, text: {text:?} }})")
        },
    )
}

/// Returns the names of the folders, sorted.
fn names() -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(policies())? {
        let entry = entry?;
        if entry.path().join("Cargo.toml").is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

fn policies() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(POLICIES)
}
