//! What a path that somebody named holds, and what to say of one without a policy: nothing would be
//! judged by it, and every rollout would pass.

use std::fs;
use std::path::{Path, PathBuf};

use super::Problem;
use super::files::is_hidden;

/// What a file holds, or a folder in all of its files. The greater tells more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Contents {
    /// No file with an object in it.
    Nothing,
    /// Objects, but no policy.
    OtherObjects,
    /// Policies.
    Policies,
    /// Something that is reported as a problem already.
    Problems,
}

impl Contents {
    /// Reports that a named path holds no policy; `None` where it holds one, or has been reported.
    pub(super) fn missing_policy(self, path: &Path) -> Option<Problem> {
        let hint = match self {
            Self::Policies | Self::Problems => return None,
            Self::OtherObjects => only_other_objects(path),
            Self::Nothing => nothing(path),
        };
        let problem = Problem::of_file(
            &path.display().to_string().into(),
            "no policy stands here, so nothing is judged",
        );
        Some(problem.hint(hint))
    }
}

/// Reports a file without a single character, such as one that was cut off while it was written:
/// the policies that may have stood in it are missing.
pub(super) fn empty_file(file: &Path) -> Problem {
    let problem = Problem::of_file(
        &file.display().to_string().into(),
        "no policy stands here: the file is empty",
    );
    problem.hint("write the policy into it, or remove the file")
}

/// Whether there is nothing to read in these bytes, not even a comment.
pub(super) fn is_blank(bytes: &[u8]) -> bool {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    text.trim_ascii().is_empty()
}

fn only_other_objects(path: &Path) -> String {
    let which = if path.is_dir() {
        "its files hold"
    } else {
        "it holds"
    };
    format!(
        "{which} other objects only, such as metric sources or scenarios; add a RolloutPolicy or a ClusterRolloutPolicy beside them, or move them beside the policies"
    )
}

fn nothing(path: &Path) -> String {
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
