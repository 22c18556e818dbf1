//! The source of a policy's module, and its bytes.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::builtin;
use crate::engine::Module;

/// The source of a module.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ModuleSource {
    /// Part of rollgate, by name.
    Builtin(String),
    /// A file.
    File(PathBuf),
}

/// Why a module could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ModuleError {
    /// No module of this name is part of rollgate.
    #[error("no policy `{0}` is part of rollgate; there are {names}", names = builtin::names().collect::<Vec<_>>().join(", "))]
    UnknownBuiltin(String),
    /// The file cannot be read.
    #[error("the module {} cannot be read: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// Far more than a module may have; the engine checks the exact limit.
const LONGEST_READ: u64 = 256 << 20;

impl ModuleSource {
    /// Parses an argument of the command line: a path if it looks like one, else a name.
    #[must_use]
    pub(crate) fn of_argument(argument: &str) -> Self {
        let path = Path::new(argument);
        if path.extension().is_some() || path.components().count() > 1 {
            Self::File(path.to_owned())
        } else {
            Self::Builtin(argument.to_owned())
        }
    }

    /// Reads the module. The engine checks its contents.
    ///
    /// # Errors
    ///
    /// If there is no such module, or its file cannot be read.
    pub(crate) fn read(&self) -> Result<Module, ModuleError> {
        match self {
            Self::Builtin(name) => {
                let bytes = builtin::module(name)
                    .ok_or_else(|| ModuleError::UnknownBuiltin(name.clone()))?;
                Ok(Module::new(bytes.into()))
            }
            Self::File(path) => {
                let bytes = bytes(path).map_err(|error| ModuleError::Unreadable {
                    path: path.clone(),
                    error,
                })?;
                Ok(Module::new(Arc::from(bytes)))
            }
        }
    }

    /// Returns the pointer to the field of a policy that names this module.
    pub(super) fn pointer(&self) -> &'static str {
        match self {
            Self::Builtin(_) => "/spec/module/builtin",
            Self::File(_) => "/spec/module/file",
        }
    }
}

fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(LONGEST_READ)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

impl fmt::Display for ModuleSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Builtin(name) => f.write_str(name),
            Self::File(path) => path.display().fmt(f),
        }
    }
}
