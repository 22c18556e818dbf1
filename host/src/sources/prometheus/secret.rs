//! Secrets of metric sources: YAML only names where they are.

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

/// The longest secret in bytes, more than any token. A wrong path may lead to a large file.
const MAX_SECRET: u64 = 64 << 10;

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
    #[error("the environment variable {0} is not set")]
    Unset(String),
    #[error("the file {path} cannot be read: {why}")]
    Unreadable { path: String, why: ErrorKind },
    #[error("{0} holds no secret: it is empty, longer than 64 KiB, or not one line of text")]
    Invalid(String),
    #[error(transparent)]
    Missing(#[from] NoSecret),
}

/// How long a Secret of the cluster is cached.
const TTL: Duration = Duration::from_secs(60);

/// Where a secret is read when it is needed.
pub(super) enum SecretSource {
    Local(Local),
    Cluster(Remote),
}

/// A variable or a file.
#[derive(Clone, Debug)]
pub(super) enum Local {
    Env(String),
    File(PathBuf),
}

/// An entry of a Secret, cached.
pub(super) struct Remote {
    at: SecretKey,
    secrets: Arc<dyn Secrets>,
    cache: Cache<(), Arc<str>>,
}

impl SecretSource {
    /// Reads the secret.
    pub(super) async fn read(&self) -> Result<Arc<str>, SecretError> {
        match self {
            Self::Local(local) => local.read(),
            Self::Cluster(remote) => remote.read().await,
        }
    }

    /// Drops a secret that was refused from the cache, because it may have been rotated. Returns whether
    /// reading it again may return another.
    pub(super) async fn forget(&self) -> Reread {
        match self {
            Self::Local(_) => Reread::Useless,
            Self::Cluster(remote) => {
                remote.cache.invalidate(&()).await;
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
        parse(&text).ok_or_else(|| SecretError::Invalid(self.name()))
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
            cache: Cache::builder().max_capacity(1).time_to_live(TTL).build(),
        }
    }

    async fn read(&self) -> Result<Arc<str>, SecretError> {
        let SecretKey { name, key } = &self.at;
        let read = async {
            let text = self.secrets.read(name, key).await?;
            let invalid =
                || SecretError::Invalid(format!("the key `{key}` of the Secret `{name}`"));
            parse(&text).ok_or_else(invalid)
        };
        let cached = self.cache.try_get_with((), read).await;
        cached.map_err(|error| SecretError::clone(&error))
    }
}

/// Shows where the secret is, and never the secret.
impl fmt::Debug for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(local) => local.fmt(f),
            Self::Cluster(remote) => remote.at.fmt(f),
        }
    }
}

fn parse(text: &str) -> Option<Arc<str>> {
    let secret = text.trim();
    let valid = !secret.is_empty()
        && secret.len() as u64 <= MAX_SECRET
        && !secret.contains(|c: char| c.is_control());
    valid.then(|| secret.into())
}

fn read_file(path: &PathBuf) -> std::io::Result<String> {
    let mut text = String::new();
    File::open(path)?
        .take(MAX_SECRET + 1)
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
    fn rotated_secret_in_a_file_is_read() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let secret = Local::File(file.path().to_owned());
        std::fs::write(file.path(), "first\n").unwrap();
        assert_eq!(&*secret.read().unwrap(), "first");
        std::fs::write(file.path(), "second\n").unwrap();
        assert_eq!(&*secret.read().unwrap(), "second");
    }

    #[test]
    fn missing_file_or_variable_is_named() {
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
    fn invalid_secret_is_refused_but_not_shown() {
        for odd in ["", " \n", "two\nlines", &"x".repeat(70_000)] {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), odd).unwrap();
            let error = Local::File(file.path().to_owned()).read().unwrap_err();
            assert!(matches!(error, SecretError::Invalid(_)), "{error}");
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
    async fn secret_of_the_cluster_is_read_again_after_a_refusal() {
        let at = SecretKey {
            name: "prometheus".to_owned(),
            key: "token".to_owned(),
        };
        let held = SecretSource::Cluster(Remote::new(at, Arc::new(Rotating::default())));
        assert_eq!(&*held.read().await.unwrap(), "prometheus-token-0");
        assert_eq!(&*held.read().await.unwrap(), "prometheus-token-0");
        assert_eq!(held.forget().await, Reread::Useful);
        assert_eq!(&*held.read().await.unwrap(), "prometheus-token-1");
        assert!(!format!("{held:?}").contains("token-1"), "{held:?}");
    }
}
