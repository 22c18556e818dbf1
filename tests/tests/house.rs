//! The rules of the house that no compiler holds: which module knows which, and which licences
//! come along with the dependencies.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The host's modules, each with those it may know.
const MAY_KNOW: [(&str, &[&str]); 11] = [
    ("telemetry", &[]),
    ("watch", &[]),
    ("sources", &[]),
    ("engine", &["sources"]),
    ("config", &["sources", "engine"]),
    ("admission", &["sources", "engine", "config", "telemetry"]),
    ("server", &["admission", "telemetry", "watch"]),
    (
        "reload",
        &[
            "sources",
            "engine",
            "config",
            "admission",
            "server",
            "telemetry",
            "watch",
        ],
    ),
    (
        "cluster",
        &[
            "sources",
            "engine",
            "config",
            "admission",
            "server",
            "reload",
            "telemetry",
            "watch",
        ],
    ),
    (
        "cli",
        &[
            "sources",
            "engine",
            "config",
            "admission",
            "server",
            "reload",
            "cluster",
            "telemetry",
            "watch",
        ],
    ),
    ("main", &["cli"]),
];

/// Who may use a library that one module keeps to itself.
const KEPT: [(&str, &str); 3] = [("wasmtime", "engine"), ("axum", "server"), ("clap", "cli")];

const LICENCES: [&str; 11] = [
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Zlib",
];

#[test]
fn module_depends_only_on_modules_below_it() {
    let may_know = BTreeMap::from(MAY_KNOW);
    let mut wrong = Vec::new();
    for (module, file, text) in sources_by_module() {
        let Some(allowed) = may_know.get(module.as_str()) else {
            wrong.push(format!(
                "{}: module `{module}` has no place in the house; give it one here",
                file.display()
            ));
            continue;
        };
        // The program is a crate of its own and names the library.
        let prefix = if module == "main" {
            "rollgate::"
        } else {
            "crate::"
        };
        let known = paths(&text, prefix).filter(|other| may_know.contains_key(other));
        for other in known.filter(|other| *other != module) {
            if !allowed.contains(&other) {
                wrong.push(format!("{}: `{module}` knows `{other}`", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn library_is_used_by_its_module_alone() {
    let mut wrong = Vec::new();
    for (module, file, text) in sources_by_module() {
        for (library, keeper) in KEPT {
            if module != keeper && module != "main" && text.contains(&format!("{library}::")) {
                wrong.push(format!(
                    "{}: `{library}` is for `{keeper}` alone",
                    file.display()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_dependency_has_a_compatible_licence() {
    let metadata = metadata();
    let packages = metadata["packages"]
        .as_array()
        .expect("cargo lists packages");
    assert!(
        packages.len() > 100,
        "cargo lists {} packages: something is wrong",
        packages.len()
    );
    let unlicensed = packages.iter().filter(|package| !licensed(package));
    let wrong: Vec<_> = unlicensed
        .map(|package| {
            format!(
                "{} {}: {}",
                package["name"], package["version"], package["license"]
            )
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn licensed(package: &Value) -> bool {
    let Some(text) = package["license"].as_str() else {
        return false;
    };
    let expression = spdx::Expression::parse_mode(text, spdx::ParseMode::LAX);
    expression.is_ok_and(|expression| {
        expression.evaluate(|required| {
            required
                .license
                .id()
                .is_some_and(|id| LICENCES.contains(&id.name))
        })
    })
}

/// Only what this platform needs: the rest may not have been downloaded.
fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version=1",
            "--locked",
            "--offline",
            "--filter-platform",
        ])
        .arg(format!("{}-unknown-linux-gnu", std::env::consts::ARCH))
        .current_dir(root())
        .output()
        .expect("cargo runs this test");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).expect("cargo writes JSON")
}

/// The host's files with their top-level module and their text without comments.
fn sources_by_module() -> Vec<(String, PathBuf, String)> {
    let source = root().join("host/src");
    let mut files = Vec::new();
    collect(&source, &mut files);
    assert!(
        files.len() > 30,
        "found {} files: something is wrong",
        files.len()
    );
    let mut found = Vec::new();
    for file in files {
        let inside = file.strip_prefix(&source).expect("it was found there");
        let first = inside.components().next().expect("a file has a name");
        let module = Path::new(first.as_os_str())
            .with_extension("")
            .display()
            .to_string();
        if module != "lib" {
            let text = fs::read_to_string(&file).expect("it was found there");
            let code = text
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"));
            found.push((module, file.clone(), code.collect::<Vec<_>>().join("\n")));
        }
    }
    found
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder is part of the repository") {
        let path = entry.expect("it can be read").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The words that follow `prefix` in a text.
fn paths<'t>(text: &'t str, prefix: &'t str) -> impl Iterator<Item = &'t str> {
    text.split(prefix).skip(1).map(|rest| {
        let end = rest
            .find(|c: char| !c.is_ascii_lowercase() && c != '_')
            .unwrap_or(rest.len());
        &rest[..end]
    })
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the crate lies in a workspace")
}
