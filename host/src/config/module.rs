//! The source of a policy's module, and its bytes.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::str::FromStr;
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

/// The SHA-256 of a module's file, as a policy pins it: `sha256:` and 64 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleDigest(String);

/// Text that is no digest.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{}` is no digest: write `sha256:` and 64 hexadecimal digits in lower case, as `rollgate inspect` prints it",
    .0.escape_debug()
)]
pub struct NoDigest(String);

impl ModuleDigest {
    const PREFIX: &str = "sha256:";

    /// Returns the digest of a module.
    #[must_use]
    pub fn of(module: &Module) -> Self {
        Self(module.digest())
    }

    /// Whether the module has this digest.
    #[must_use]
    pub(crate) fn is_of(&self, module: &Module) -> bool {
        self.0 == module.digest()
    }
}

impl FromStr for ModuleDigest {
    type Err = NoDigest;

    fn from_str(text: &str) -> Result<Self, NoDigest> {
        let digits = text.strip_prefix(Self::PREFIX);
        let is_digit = |digit: u8| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
        let valid = digits.filter(|digits| digits.len() == 64 && digits.bytes().all(is_digit));
        let digits = valid.ok_or_else(|| NoDigest(text.chars().take(80).collect()))?;
        Ok(Self(digits.to_owned()))
    }
}

impl fmt::Display for ModuleDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", Self::PREFIX, self.0)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_is_read_as_it_is_printed() {
        let module = Module::new(b"a module".as_slice().into());
        let digest = ModuleDigest::of(&module);
        let read: ModuleDigest = digest.to_string().parse().expect("it is one");
        assert!(read.is_of(&module));
        assert!(!read.is_of(&Module::new(b"another".as_slice().into())));
    }

    #[test]
    fn text_that_is_no_digest_is_refused() {
        let digits = "0f".repeat(32);
        let wrong = [
            String::new(),
            digits.clone(),
            format!("sha256:{}", &digits[1..]),
            format!("sha256:{digits}0"),
            format!("sha256:{}", digits.to_uppercase()),
            format!("sha512:{digits}"),
            format!("sha256: {}", &digits[1..]),
        ];
        for text in wrong {
            assert!(text.parse::<ModuleDigest>().is_err(), "{text}");
        }
        assert!(format!("sha256:{digits}").parse::<ModuleDigest>().is_ok());
    }
}
