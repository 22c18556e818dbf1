//! Where policies come from.

use std::path::{Path, PathBuf};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::config::{self, Configuration, builtin};
use crate::watch::{FileWatch, POLL_INTERVAL};

/// A place that policies are read from, again whenever they change there.
pub(crate) trait PolicySource: Send {
    /// Reads all policies and metric sources.
    fn read(&mut self) -> BoxFuture<'_, Configuration>;

    /// Waits until another read may return something else than the last one did. Changes during the
    /// last read count.
    fn changed(&mut self) -> BoxFuture<'_, ()>;
}

/// The default policies that are compiled into rollgate. They never change.
pub(crate) struct BundledPolicies;

impl PolicySource for BundledPolicies {
    fn read(&mut self) -> BoxFuture<'_, Configuration> {
        let set = builtin::RECOMMENDED;
        let read = config::read_text("the bundled policies", set.text, Path::new(""));
        std::future::ready(read).boxed()
    }

    fn changed(&mut self) -> BoxFuture<'_, ()> {
        std::future::pending().boxed()
    }
}

/// Files and folders of policies, and the module files that these name.
pub(crate) struct PolicyFiles {
    paths: Vec<PathBuf>,
    watch: FileWatch,
}

impl PolicyFiles {
    /// Watches the paths from now on.
    pub(crate) fn new(paths: Vec<PathBuf>) -> Self {
        Self {
            watch: FileWatch::new(paths.clone(), POLL_INTERVAL),
            paths,
        }
    }
}

impl PolicySource for PolicyFiles {
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
