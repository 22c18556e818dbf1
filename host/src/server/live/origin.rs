//! Where policies come from.

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::config::{self, Configuration, builtin};
use crate::server::watch::Watch;

/// Where policies come from, and when to read them again.
pub trait Origin: Send {
    /// Reads all that there is now.
    fn read(&mut self) -> BoxFuture<'_, Configuration>;

    /// Waits until reading again may give something else than the last reading gave. What changed
    /// while that went on counts.
    fn changed(&mut self) -> BoxFuture<'_, ()>;
}

/// The default set that is part of rollgate; it never changes.
#[derive(Clone, Copy, Debug)]
pub struct Bundled;

impl Origin for Bundled {
    fn read(&mut self) -> BoxFuture<'_, Configuration> {
        let read =
            || config::read_text("the bundled policies", builtin::DEFAULT_SET, Path::new(""));
        std::future::ready(read()).boxed()
    }

    fn changed(&mut self) -> BoxFuture<'_, ()> {
        std::future::pending().boxed()
    }
}

/// Files and folders, and the modules that they name.
#[derive(Debug)]
pub struct Files {
    paths: Vec<PathBuf>,
    watch: Watch,
}

/// How often files are looked at where the system tells of no change: as often as kubelet, by
/// default, brings a changed ConfigMap to a node.
pub const LOOK_EVERY: Duration = Duration::from_secs(60);

impl Files {
    /// Watches these from now on.
    #[must_use]
    pub fn new(paths: Vec<PathBuf>) -> Self {
        Self {
            watch: Watch::new(paths.clone(), LOOK_EVERY),
            paths,
        }
    }
}

impl Origin for Files {
    fn read(&mut self) -> BoxFuture<'_, Configuration> {
        let paths = self.paths.clone();
        async move {
            let configuration = tokio::task::spawn_blocking(move || config::read(&paths))
                .await
                .expect("reading files does not panic");
            let modules = configuration.module_files().map(Path::to_owned);
            self.watch
                .follow(self.paths.iter().cloned().chain(modules).collect())
                .await;
            configuration
        }
        .boxed()
    }

    fn changed(&mut self) -> BoxFuture<'_, ()> {
        self.watch.changed().boxed()
    }
}
