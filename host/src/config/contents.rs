//! Reports named paths that contain no policy: no rollout would be evaluated, and every one would pass.

use std::fs;
use std::path::{Path, PathBuf};

use super::Problem;
use super::walk::is_hidden;

/// What a file contains, or all files of a folder. The maximum counts for a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Contents {
    /// No file with an object in it.
    Nothing,
    /// Objects, but no policy.
    OtherObjects,
    /// Policies.
    Policies,
    /// Something that was already reported as a problem.
    Problems,
}

impl Contents {
    /// Returns a problem if a named path contains no policy, unless another problem was reported.
    pub(super) fn missing_policy(self, path: &Path) -> Option<Problem> {
        let hint = match self {
            Self::Policies | Self::Problems => return None,
            Self::OtherObjects => hint_for_other_objects(path),
            Self::Nothing => hint_for_nothing(path),
        };
        let problem = Problem::of_file(
            &path.display().to_string().into(),
            "there is no policy here, so no rollout would be checked",
        );
        Some(problem.hint(hint))
    }
}

/// Reports an empty file, such as one that was cut off while it was written: its policies are missing.
pub(super) fn empty_file(file: &Path) -> Problem {
    let problem = Problem::of_file(
        &file.display().to_string().into(),
        "there is no policy here: the file is empty",
    );
    problem.hint("write the policy into it, or remove the file")
}

/// Whether a file has no text, not even a comment.
pub(super) fn is_blank(bytes: &[u8]) -> bool {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    text.trim_ascii().is_empty()
}

fn hint_for_other_objects(path: &Path) -> String {
    let which = if path.is_dir() {
        "its files contain"
    } else {
        "it contains"
    };
    format!(
        "{which} other objects only, such as metric sources or scenarios; add a RolloutPolicy or a ClusterRolloutPolicy beside them, or move them beside the policies"
    )
}

fn hint_for_nothing(path: &Path) -> String {
    if !path.is_dir() {
        return "write a RolloutPolicy or a ClusterRolloutPolicy into the file".to_owned();
    }
    match folders_in(path).first() {
        Some(folder) => format!(
            "folders inside it are not read: name the one with the policies itself, such as `{}`",
            folder.display()
        ),
        None => {
            "put a policy into it, in a file whose name ends in .yaml, .yml or .json".to_owned()
        }
    }
}

fn folders_in(path: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    let mut folders: Vec<_> = entries
        .map(|entry| entry.path())
        .filter(|path| !is_hidden(path) && path.is_dir())
        .collect();
    folders.sort();
    folders
}

#[cfg(test)]
mod tests;
