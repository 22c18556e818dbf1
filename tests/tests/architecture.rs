//! Rules of the codebase that the compiler does not check: which module may use which, and the licences
//! of dependencies.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The host's modules, each with those it may use.
const MAY_USE: [(&str, &[&str]); 11] = [
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

/// Functions that any module may use.
const SHARED: [&str; 1] = ["telemetry::text"];

/// Libraries that only one module may use.
const EXCLUSIVE: [(&str, &str); 7] = [
    ("promql_parser", "sources"),
    ("wasmtime", "engine"),
    ("wasmtime_wasi", "engine"),
    ("wasmtime_wizer", "engine"),
    ("wasmparser", "engine"),
    ("axum", "server"),
    ("clap", "cli"),
];

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
fn module_uses_only_modules_below_it() {
    let may_use = BTreeMap::from(MAY_USE);
    let mut wrong = Vec::new();
    for (module, file, text) in sources_by_module() {
        let Some(allowed) = may_use.get(module.as_str()) else {
            wrong.push(format!(
                "{}: module `{module}` is not listed here; add it to MAY_USE",
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
        for path in paths(&text, prefix) {
            if path.is_empty() {
                wrong.push(format!(
                    "{}: name one module for each `{prefix}`",
                    file.display()
                ));
            }
            let other = path.split("::").next().unwrap_or_default();
            let is_shared = SHARED.contains(&path);
            if may_use.contains_key(other)
                && other != module
                && !is_shared
                && !allowed.contains(&other)
            {
                wrong.push(format!("{}: `{module}` uses `{path}`", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn library_is_used_by_its_module_only() {
    let mut wrong = Vec::new();
    for (module, file, text) in sources_by_module() {
        for (library, owner) in EXCLUSIVE {
            if module != owner && module != "main" && text.contains(&format!("{library}::")) {
                wrong.push(format!(
                    "{}: only `{owner}` may use `{library}`",
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

/// Reads the packages for this platform only: the others may not have been downloaded.
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

/// Returns the host's files with their top-level module and their text without comments.
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

/// Returns the first two segments of each path that starts with `prefix`, as far as they name modules.
fn paths<'t>(text: &'t str, prefix: &'t str) -> impl Iterator<Item = &'t str> {
    let is_name = |c: char| c.is_ascii_lowercase() || c == '_';
    text.split(prefix).skip(1).map(move |rest| {
        let first = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
        let Some(second) = rest[first..].strip_prefix("::") else {
            return &rest[..first];
        };
        match second.find(|c| !is_name(c)).unwrap_or(second.len()) {
            0 => &rest[..first],
            length => &rest[..first + 2 + length],
        }
    })
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the crate lies in a workspace")
}
