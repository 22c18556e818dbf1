//! Credentials: named in YAML, kept elsewhere.

use std::fmt;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sources::{NoSecret, Secrets};

/// More than any token; a path to something else by mistake is not read to its end.
const LONGEST: u64 = 64 << 10;

/// Where a secret is kept; it never stands in the YAML itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum SecretRef {
    /// The environment variable of this name; not for a `MetricSource` in the cluster.
    Env(String),
    /// The file at this path, absolute or relative to the folder rollgate runs in, read again for
    /// each request; not for a `MetricSource` in the cluster. Space and line ends around the secret
    /// are dropped.
    File(PathBuf),
    /// An entry of a Secret in the namespace that rollgate runs in. It is read again after a minute,
    /// and when it is refused. Space and line ends around the secret are dropped.
    Secret(SecretKey),
}

/// An entry of a Secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretKey {
    /// The name of the Secret.
    pub name: String,
    /// The key in its `data`.
    pub key: String,
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
    /// The cluster did not give it.
    #[error(transparent)]
    Missing(#[from] NoSecret),
}

/// How long a Secret of the cluster serves before it is read again.
const KEEP: Duration = Duration::from_secs(60);

/// A secret that is read when it is needed.
pub(super) enum Held {
    /// On this machine.
    Here(Local),
    /// In the cluster.
    InCluster(Remote),
}

/// A variable or a file.
#[derive(Clone, Debug)]
pub(super) enum Local {
    Env(String),
    File(PathBuf),
}

/// An entry of a Secret, kept for a while.
pub(super) struct Remote {
    at: SecretKey,
    secrets: Arc<dyn Secrets>,
    kept: Cache<(), Arc<str>>,
}

impl Held {
    /// Reads the secret.
    pub(super) async fn read(&self) -> Result<Arc<str>, SecretError> {
        match self {
            Self::Here(local) => local.read(),
            Self::InCluster(remote) => remote.read().await,
        }
    }

    /// Forgets a secret that was refused: it may have been rotated. Says whether another may be
    /// found by reading again.
    pub(super) async fn forget(&self) -> Reread {
        match self {
            Self::Here(_) => Reread::Useless,
            Self::InCluster(remote) => {
                remote.kept.invalidate(&()).await;
                Reread::Useful
            }
        }
    }
}

/// Whether reading a secret again may give another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reread {
    Useful,
    Useless,
}

impl Local {
    /// Reads the secret.
    pub(super) fn read(&self) -> Result<Arc<str>, SecretError> {
        let text = match self {
            Self::Env(name) => std::env::var(name).map_err(|_| SecretError::Unset(name.clone()))?,
            Self::File(path) => read_file(path).map_err(|error| SecretError::Unreadable {
                path: path.display().to_string(),
                why: error.kind(),
            })?,
        };
        sound(&text).ok_or_else(|| SecretError::Odd(self.name()))
    }

    fn name(&self) -> String {
        match self {
            Self::Env(name) => format!("the environment variable {name}"),
            Self::File(path) => format!("the file {}", path.display()),
        }
    }
}

impl Remote {
    pub(super) fn new(at: SecretKey, secrets: Arc<dyn Secrets>) -> Self {
        Self {
            at,
            secrets,
            kept: Cache::builder().max_capacity(1).time_to_live(KEEP).build(),
        }
    }

    async fn read(&self) -> Result<Arc<str>, SecretError> {
        let SecretKey { name, key } = &self.at;
        let read = async {
            let text = self.secrets.read(name, key).await?;
            let odd = || SecretError::Odd(format!("the key `{key}` of the Secret `{name}`"));
            sound(&text).ok_or_else(odd)
        };
        let kept = self.kept.try_get_with((), read).await;
        kept.map_err(|error| SecretError::clone(&error))
    }
}

/// What is kept is shown to nobody.
impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Here(local) => local.fmt(f),
            Self::InCluster(remote) => remote.at.fmt(f),
        }
    }
}

fn sound(text: &str) -> Option<Arc<str>> {
    let secret = text.trim();
    let sound = !secret.is_empty()
        && secret.len() as u64 <= LONGEST
        && !secret.contains(|c: char| c.is_control());
    sound.then(|| secret.into())
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
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::FutureExt;
    use futures_util::future::{BoxFuture, ready};

    use super::*;

    #[test]
    fn a_file_is_read_again_after_a_rotation() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let secret = Local::File(file.path().to_owned());
        std::fs::write(file.path(), "first\n").unwrap();
        assert_eq!(&*secret.read().unwrap(), "first");
        std::fs::write(file.path(), "second\n").unwrap();
        assert_eq!(&*secret.read().unwrap(), "second");
    }

    #[test]
    fn what_is_missing_is_named() {
        let file = Local::File("/no/such/token".into());
        assert_eq!(
            file.read().unwrap_err().to_string(),
            "the file /no/such/token cannot be read: entity not found"
        );
        let variable = Local::Env("ROLLGATE_NO_SUCH_VARIABLE".into());
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
            let error = Local::File(file.path().to_owned()).read().unwrap_err();
            assert!(matches!(error, SecretError::Odd(_)), "{error}");
            assert!(!error.to_string().contains("two"), "{error}");
        }
    }

    /// Gives another token each time it is asked.
    #[derive(Default)]
    struct Rotating(AtomicUsize);

    impl Secrets for Rotating {
        fn read<'a>(
            &'a self,
            name: &'a str,
            key: &'a str,
        ) -> BoxFuture<'a, Result<String, NoSecret>> {
            let number = self.0.fetch_add(1, Ordering::Relaxed);
            ready(Ok(format!("{name}-{key}-{number}\n"))).boxed()
        }
    }

    #[tokio::test]
    async fn a_secret_of_the_cluster_is_read_again_once_it_is_refused() {
        let at = SecretKey {
            name: "prometheus".to_owned(),
            key: "token".to_owned(),
        };
        let held = Held::InCluster(Remote::new(at, Arc::new(Rotating::default())));
        assert_eq!(&*held.read().await.unwrap(), "prometheus-token-0");
        assert_eq!(&*held.read().await.unwrap(), "prometheus-token-0");
        assert_eq!(held.forget().await, Reread::Useful);
        assert_eq!(&*held.read().await.unwrap(), "prometheus-token-1");
        assert!(!format!("{held:?}").contains("token-1"), "{held:?}");
    }
}
