//! Finds the input files of a command, and reads them.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rollgate_yaml as yaml;

use crate::config::{Depth, Problem, Walk, WalkError};

/// A file or standard input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Input {
    /// Standard input.
    Stdin,
    /// A file.
    File(PathBuf),
}

/// A path on the command line, and its files.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) path: PathBuf,
    /// The files in order, without those of an earlier path.
    pub(super) inputs: Vec<Input>,
    /// Links and folders that could not be read.
    pub(super) problems: Vec<Problem>,
    /// Whether a file was left out because an earlier path has it.
    pub(super) repeated: bool,
}

impl Named {
    /// Finds the files of paths, each once. `-` is standard input; a folder stands for the YAML and JSON
    /// files in it and below, sorted, without hidden ones.
    pub(super) fn all(paths: &[PathBuf]) -> Vec<Self> {
        let mut walk = Walk::new(Depth::Recursive);
        let mut stdin_is_met = false;
        let mut find = |path: &PathBuf| {
            if path.as_os_str() == "-" {
                let repeated = std::mem::replace(&mut stdin_is_met, true);
                let stdin = Self::stdin();
                if repeated { stdin.repeated() } else { stdin }
            } else {
                Self::walked(path, &mut walk)
            }
        };
        paths.iter().map(&mut find).collect()
    }

    fn stdin() -> Self {
        Self {
            path: "-".into(),
            inputs: vec![Input::Stdin],
            problems: Vec::new(),
            repeated: false,
        }
    }

    /// Creates the entry of a path that was named before.
    fn repeated(self) -> Self {
        Self {
            inputs: Vec::new(),
            repeated: true,
            ..self
        }
    }

    fn walked(path: &Path, walk: &mut Walk) -> Self {
        let found = walk.files(path);
        let problem =
            |error: WalkError| Problem::of_file(&shown(&error.path), error.why.to_string());
        Self {
            path: path.to_owned(),
            inputs: found.files.into_iter().map(Input::File).collect(),
            problems: found.errors.into_iter().map(problem).collect(),
            repeated: found.repeated,
        }
    }

    /// The name to show.
    pub(super) fn name(&self) -> Arc<str> {
        match self.inputs.as_slice() {
            [Input::Stdin] => Input::Stdin.name(),
            _ => shown(&self.path),
        }
    }
}

impl Input {
    /// The name to show.
    pub(super) fn name(&self) -> Arc<str> {
        match self {
            Self::Stdin => "<stdin>".into(),
            Self::File(path) => shown(path),
        }
    }

    /// Reads the bytes, up to the limit for a text.
    pub(super) fn read(&self) -> io::Result<Vec<u8>> {
        match self {
            Self::Stdin => read(io::stdin().lock()),
            Self::File(path) => read(fs::File::open(path)?),
        }
    }
}

fn read(source: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source
        .take(yaml::MAX_TEXT as u64 + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn shown(path: &Path) -> Arc<str> {
    path.display().to_string().into()
}
