//! Credentials: named in YAML, kept elsewhere.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// More than any token; a path to something else by mistake is not read to its end.
const LONGEST: u64 = 64 << 10;

/// Where a secret is kept; it never stands in the YAML itself. It is read again for each request,
/// so that a rotated one (a projected token, say) is followed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum SecretRef {
    /// The environment variable of this name.
    Env(String),
    /// The file at this path, absolute or relative to the folder rollgate runs in. Space and
    /// line ends around the secret are dropped.
    File(PathBuf),
}

/// Why a secret could not be read; never the secret itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum SecretError {
    /// The variable is not set.
    #[error("the environment variable {0} is not set")]
    Unset(String),
    /// The file could not be read.
    #[error("the file {path} cannot be read: {why}")]
    Unreadable {
        /// Where.
        path: String,
        /// The kind of failure.
        why: ErrorKind,
    },
    /// There is nothing there, or something that is no secret.
    #[error("{0} holds no secret: it is empty, longer than 64 KiB, or not one line of text")]
    Odd(String),
}

impl SecretRef {
    /// Reads the secret.
    pub(super) fn read(&self) -> Result<String, SecretError> {
        let text = match self {
            Self::Env(name) => std::env::var(name).map_err(|_| SecretError::Unset(name.clone()))?,
            Self::File(path) => read_file(path).map_err(|error| SecretError::Unreadable {
                path: path.display().to_string(),
                why: error.kind(),
            })?,
        };
        let secret = text.trim();
        let sound = !secret.is_empty()
            && secret.len() as u64 <= LONGEST
            && !secret.contains(|c: char| c.is_control());
        if sound {
            Ok(secret.to_owned())
        } else {
            Err(SecretError::Odd(self.name()))
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Env(name) => format!("the environment variable {name}"),
            Self::File(path) => format!("the file {}", path.display()),
        }
    }
}

fn read_file(path: &PathBuf) -> std::io::Result<String> {
    let mut text = String::new();
    File::open(path)?
        .take(LONGEST + 1)
        .read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_again_after_a_rotation() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let secret = SecretRef::File(file.path().to_owned());
        std::fs::write(file.path(), "first\n").unwrap();
        assert_eq!(secret.read().unwrap(), "first");
        std::fs::write(file.path(), "second\n").unwrap();
        assert_eq!(secret.read().unwrap(), "second");
    }

    #[test]
    fn what_is_missing_is_named() {
        let file = SecretRef::File("/no/such/token".into());
        assert_eq!(
            file.read().unwrap_err().to_string(),
            "the file /no/such/token cannot be read: entity not found"
        );
        let variable = SecretRef::Env("ROLLGATE_NO_SUCH_VARIABLE".into());
        assert_eq!(
            variable.read().unwrap_err().to_string(),
            "the environment variable ROLLGATE_NO_SUCH_VARIABLE is not set"
        );
    }

    #[test]
    fn what_is_no_secret_is_refused_without_showing_it() {
        for odd in ["", " \n", "two\nlines", &"x".repeat(70_000)] {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), odd).unwrap();
            let error = SecretRef::File(file.path().to_owned()).read().unwrap_err();
            assert!(matches!(error, SecretError::Odd(_)), "{error}");
            assert!(!error.to_string().contains("two"), "{error}");
        }
    }
}
