//! Rules of the codebase that the compiler does not check: which module may use which, and the licences
//! of dependencies.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The host's modules, each with those it may use.
const MAY_USE: [(&str, &[&str]); 12] = [
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
    ("fuzzing", &["sources", "engine", "admission"]),
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

/// Folders of the repository, by which a path in a document is recognized.
const FOLDERS: [&str; 11] = [
    "contract/",
    "deploy/",
    "examples/",
    "guest-sdk/",
    "host/",
    "model/",
    "policies/",
    "strict/",
    "tests/",
    "wit/",
    "yaml/",
];

#[test]
fn every_file_that_the_documents_name_exists() {
    let mut missing = Vec::new();
    for document in ["ARCHITECTURE.md", "CONTRIBUTING.md", "README.md"] {
        let text = fs::read_to_string(root().join(document)).expect("it is in the repository");
        let quoted = text.split('`').skip(1).step_by(2);
        let paths = quoted.filter(|it| FOLDERS.iter().any(|folder| it.starts_with(folder)));
        let is_pattern = |path: &&str| path.contains(['*', '{', ' ', '<']);
        for path in paths.filter(|path| !is_pattern(path)) {
            if !root().join(path).exists() {
                missing.push(format!("{document}: `{path}`"));
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn every_test_that_the_threat_model_names_exists() {
    let text = fs::read_to_string(root().join("docs/threat-model.md")).expect("it is there");
    let rows = text.lines().filter(|line| line.starts_with('|'));
    let last_cells = rows.filter_map(|row| row.trim_end_matches('|').rsplit('|').next());
    let named: Vec<&str> = last_cells
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .collect();
    assert!(named.len() > 50, "{} tests are named", named.len());
    let mut files = Vec::new();
    for folder in [
        "host",
        "model",
        "tests",
        "guest-sdk",
        "contract",
        "yaml",
        "strict",
    ] {
        collect(&root().join(folder), &mut files);
    }
    let texts = files
        .iter()
        .map(|file| fs::read_to_string(file).expect("it was found there"));
    let code = texts.collect::<Vec<_>>().join("\n");
    let is_test = |name: &&str| {
        let mut before = code.split(&format!("fn {name}(")).collect::<Vec<_>>();
        before.pop();
        before.iter().any(|text| {
            let mut lines = text.lines().rev().take(5);
            lines.any(|line| line.trim_start().starts_with("#[test]") || line.contains("::test"))
        })
    };
    let missing: Vec<_> = named.into_iter().filter(|name| !is_test(name)).collect();
    assert!(missing.is_empty(), "these are no tests: {missing:#?}");
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
    let licences = licences();
    assert!(licences.len() > 5, "{licences:?}");
    let unlicensed = packages.iter();
    let unlicensed = unlicensed.filter(|package| !licensed(package, &licences));
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

/// Returns the licences that deny.toml allows.
fn licences() -> Vec<String> {
    let text = fs::read_to_string(root().join("deny.toml")).expect("it is in the repository");
    let allowed = text.split("[licenses]").nth(1).expect("a section");
    let list = allowed.split(']').next().expect("a list");
    let quoted = list.split('"').skip(1).step_by(2);
    quoted.map(str::to_owned).collect()
}

fn licensed(package: &Value, licences: &[String]) -> bool {
    let Some(text) = package["license"].as_str() else {
        return false;
    };
    let expression = spdx::Expression::parse_mode(text, spdx::ParseMode::LAX);
    expression.is_ok_and(|expression| {
        expression.evaluate(|required| {
            required
                .license
                .id()
                .is_some_and(|id| licences.iter().any(|allowed| allowed == id.name))
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
