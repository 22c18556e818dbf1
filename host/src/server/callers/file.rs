use std::io;
use std::path::PathBuf;

use super::{BadPathSecret, PathSecret, PathSecrets};
use crate::watch::FileWatch;

/// A file with a secret a line, all of which are accepted.
#[derive(Clone, Debug)]
pub(crate) struct PathFile(pub PathBuf);

/// Why a file of secrets cannot be used; nothing of its text is repeated.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PathFileError {
    /// It cannot be read.
    #[error("{}: the secret path cannot be read: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// A line is no secret.
    #[error("{}:{line}: {error}; `openssl rand -hex 32` makes one", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        error: BadPathSecret,
    },
    /// It has no line.
    #[error("{}: no secret is in it; `openssl rand -hex 32` makes one", .0.display())]
    Empty(PathBuf),
}

impl PathFile {
    /// Reads the secrets.
    ///
    /// # Errors
    /// [`PathFileError`] names the file and what is wrong with it.
    pub(crate) fn read(&self) -> Result<Vec<PathSecret>, PathFileError> {
        let Self(path) = self;
        let text = std::fs::read_to_string(path).map_err(|error| PathFileError::Read {
            path: path.clone(),
            error,
        })?;
        let lines = text.lines().enumerate();
        let lines = lines.filter(|(_, line)| !line.trim().is_empty());
        let secrets = lines.map(|(index, line)| {
            line.trim().parse().map_err(|error| PathFileError::Line {
                path: path.clone(),
                line: index + 1,
                error,
            })
        });
        let secrets: Vec<PathSecret> = secrets.collect::<Result<_, _>>()?;
        if secrets.is_empty() {
            return Err(PathFileError::Empty(path.clone()));
        }
        Ok(secrets)
    }

    /// Follows the file for ever, and accepts the secrets in it. A file that is invalid changes nothing,
    /// and is logged.
    pub(crate) async fn follow(self, secrets: PathSecrets, mut watch: FileWatch) {
        loop {
            watch.changed().await;
            match self.read() {
                Ok(read) => {
                    tracing::info!(accepted = read.len(), "the secret path is read again");
                    secrets.replace(read);
                }
                Err(error) => {
                    tracing::error!(%error, "the secret path cannot be used; what was accepted stays");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_a_secret_and_a_wrong_one_is_named_but_not_shown() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let path_file = PathFile(file.path().to_owned());
        let read = |text: &str| {
            std::fs::write(file.path(), text).expect("written");
            let read = path_file.read().map(|secrets| secrets.len());
            read.map_err(|error| {
                error
                    .to_string()
                    .replace(&*file.path().to_string_lossy(), "FILE")
            })
        };
        let (one, other) = ("a".repeat(32), "b".repeat(64));
        assert_eq!(read(&one), Ok(1));
        assert_eq!(read(&format!("\n  {one}\r\n{other}\n\n")), Ok(2));
        let hint = "`openssl rand -hex 32` makes one";
        assert_eq!(
            read(" \n"),
            Err(format!("FILE: no secret is in it; {hint}"))
        );
        let short = "FILE:2: a secret has 32 to 250 characters, found 6";
        assert_eq!(
            read(&format!("{one}\nhidden")),
            Err(format!("{short}; {hint}"))
        );
        drop(std::fs::remove_file(file.path()));
        let missing = path_file.read().expect_err("it is gone").to_string();
        assert!(
            missing.contains("the secret path cannot be read"),
            "{missing}"
        );
    }
}
