//! Manifests and changes that nobody here wrote. They are no part of the project: tests over them
//! run where `ROLLGATE_CORPUS` names the folder that holds them, and say so where it does not.

use std::path::PathBuf;

use crate::report::say;

/// The corpus' folder, where there is one.
#[must_use]
pub fn corpus() -> Option<PathBuf> {
    let corpus = std::env::var_os("ROLLGATE_CORPUS").map(PathBuf::from);
    if corpus.is_none() {
        say("skipped: ROLLGATE_CORPUS is not set");
    }
    corpus
}
