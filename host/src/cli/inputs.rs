//! Which files are meant, and their bytes.

use std::collections::HashSet;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::is_configuration;

/// Something to read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Input {
    /// Standard input.
    Stdin,
    /// A file, or what was named and turns out to be none.
    File(PathBuf),
}

/// How deep folders are followed; a loop of links ends here at the latest.
const MAX_DEPTH: usize = 32;

impl Input {
    /// The inputs that paths mean, each once: `-` is standard input, a folder means the YAML and
    /// JSON files in it and in its folders, sorted, hidden ones left out.
    pub(super) fn all(paths: &[PathBuf]) -> Vec<Self> {
        let mut inputs = Vec::new();
        for path in paths {
            if path.as_os_str() == "-" {
                inputs.push(Self::Stdin);
            } else {
                collect(path.clone(), 0, &mut inputs);
            }
        }
        let mut met = HashSet::new();
        inputs.retain(|input| met.insert(input.clone()));
        inputs
    }

    /// The name to show.
    pub(super) fn name(&self) -> Arc<str> {
        match self {
            Self::Stdin => "<stdin>".into(),
            Self::File(path) => path.display().to_string().into(),
        }
    }

    /// All of its bytes.
    pub(super) fn read(&self) -> io::Result<Vec<u8>> {
        match self {
            Self::Stdin => {
                let mut bytes = Vec::new();
                io::stdin().lock().read_to_end(&mut bytes)?;
                Ok(bytes)
            }
            Self::File(path) => fs::read(path),
        }
    }
}

/// A folder that cannot be listed, or lies too deep, becomes an input of its own: reading it says
/// why.
fn collect(path: PathBuf, depth: usize, inputs: &mut Vec<Input>) {
    let is_folder = fs::metadata(&path).is_ok_and(|metadata| metadata.is_dir());
    let entries = if is_folder && depth < MAX_DEPTH {
        entries(&path).ok()
    } else {
        None
    };
    match entries {
        Some(entries) => entries
            .into_iter()
            .for_each(|entry| collect(entry, depth + 1, inputs)),
        None => inputs.push(Input::File(path)),
    }
}

/// The folders and the YAML and JSON files in a folder.
fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let hidden = path
            .file_name()
            .is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
        let is_folder = || fs::metadata(&path).is_ok_and(|metadata| metadata.is_dir());
        if !hidden && (is_configuration(&path) || is_folder()) {
            entries.push(path);
        }
    }
    entries.sort();
    Ok(entries)
}
