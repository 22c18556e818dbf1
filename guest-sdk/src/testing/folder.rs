//! Running each scenario file of a folder.

use super::answer::judge;
use crate::Policy;
use rollgate_model::scenario::{self, Expectation, Scenario};
use std::fmt::Write;
use std::path::Path;
use std::rc::Rc;

/// Runs each scenario file of a folder, and of the folders inside it, with this policy, and holds
/// the verdict against what the file expects. Other files, such as manifests, are left alone. The macro [`scenarios!`](super::scenarios) makes a test
/// of it.
///
/// # Panics
/// A scenario cannot be read, expects nothing, or is answered otherwise; or the folder has none.
#[track_caller]
pub fn run_folder<P: Policy>(folder: impl AsRef<Path>) {
    let folder = folder.as_ref();
    let files = match scenario::files(folder) {
        Ok(files) if files.is_empty() => {
            panic!("{} has no scenario (`kind: Scenario`)", folder.display())
        }
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

/// Runs one file as a scenario of this policy, and holds the verdict against what the file expects.
///
/// # Errors
/// In words: the scenario cannot be read, expects nothing, or is answered otherwise.
pub fn run_file<P: Policy>(file: impl AsRef<Path>) -> Result<(), String> {
    let file = file.as_ref();
    let scenario = Rc::new(Scenario::load(file).map_err(|error| error.to_string())?);
    let answer = judge::<P>(&scenario).map_err(|none| none.to_string())?;
    let said = answer.to_model();
    match &scenario.expect {
        Some(expected) => expected
            .check(answer.change, &said)
            .map_err(|mismatch| mismatch.to_string()),
        None => Err(Expectation::missing(answer.change, &said)),
    }
}
