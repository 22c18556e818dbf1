//! Running each scenario file of a folder.

use super::answer::judge;
use crate::Policy;
use rollgate_model::scenario::{Expectation, Scenario};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// Runs each `.yaml` and `.yml` file of a folder as a scenario of this policy, and holds the
/// verdict against what the file expects. The macro [`scenarios!`](super::scenarios) makes a test
/// of it.
///
/// # Panics
/// A scenario cannot be read, expects nothing, or is answered otherwise; or the folder has none.
#[track_caller]
pub fn run_folder<P: Policy>(folder: impl AsRef<Path>) {
    let folder = folder.as_ref();
    let files = match scenario_files(folder) {
        Ok(files) if files.is_empty() => panic!("{} has no scenario (*.yaml)", folder.display()),
        Ok(files) => files,
        Err(error) => panic!("cannot read {}: {error}", folder.display()),
    };
    let mut failures = String::new();
    for file in &files {
        if let Err(why) = run_file::<P>(file) {
            let _ = write!(failures, "\n\n{}: {why}", file.display());
        }
    }
    assert!(
        failures.is_empty(),
        "not every scenario was answered as expected{failures}\n"
    );
}

fn scenario_files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "yaml" || extension == "yml")
        {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn run_file<P: Policy>(file: &Path) -> Result<(), String> {
    let scenario = Rc::new(Scenario::load(file).map_err(|error| error.to_string())?);
    let answer = judge::<P>(&scenario).map_err(|none| none.to_string())?;
    let said = answer.to_model();
    match &scenario.expect {
        Some(expected) => expected
            .check(answer.change, &said)
            .map_err(|mismatch| mismatch.to_string()),
        None => {
            let said = serde_json::json!({ "expect": Expectation::of(answer.change, &said) });
            Err(format!(
                "it expects nothing, so it tests nothing. The policy answers, as JSON, which is YAML too:\n{said:#}"
            ))
        }
    }
}
