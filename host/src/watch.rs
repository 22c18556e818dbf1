//! Waits for files to change: certificates, and folders of policies.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

/// How often files are polled where the operating system reports no change. By default kubelet takes
/// as long to bring a changed ConfigMap to a node.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_secs(60);

/// Files are written in several steps: a change counts when no other follows within this time.
const DEBOUNCE: Duration = Duration::from_millis(150);
/// After so many changes in a row, they count although others follow.
const MAX_DEBOUNCES: usize = 10;

/// Waits for changes of files and of the files in folders.
///
/// Notifications of the operating system only wake it: it compares the files themselves. So a
/// superfluous notification does no harm, and polling makes up for one that never comes (network file
/// systems, a symlink into another folder, no inotify watches left).
#[derive(Debug)]
pub(crate) struct FileWatch {
    paths: Vec<PathBuf>,
    poll_interval: Duration,
    seen: Fingerprint,
    notify: mpsc::Sender<()>,
    notifications: mpsc::Receiver<()>,
    /// Notifications stop when it is dropped. `None` where the system has no watches left.
    _watcher: Option<RecommendedWatcher>,
}

impl FileWatch {
    /// Watches the paths from now on. Call it before reading the files, or a change in between is
    /// missed.
    pub(crate) fn new(paths: Vec<PathBuf>, poll_interval: Duration) -> Self {
        let (notify, notifications) = mpsc::channel(1);
        let watcher = watcher(&paths, poll_interval, notify.clone());
        let seen = Fingerprint::of(&paths);
        Self {
            paths,
            poll_interval,
            seen,
            notify,
            notifications,
            _watcher: watcher,
        }
    }

    /// Watches other paths from now on. Changes of the paths watched so far are not lost.
    pub(crate) async fn follow(&mut self, paths: Vec<PathBuf>) {
        if paths == self.paths {
            return;
        }
        self._watcher = watcher(&paths, self.poll_interval, self.notify.clone());
        self.paths = paths;
        let mut seen = self.fingerprint().await;
        seen.0.append(&mut self.seen.0);
        self.seen = seen;
    }

    /// Waits until something has changed, and changes no more.
    pub(crate) async fn changed(&mut self) {
        loop {
            let _ = timeout(self.poll_interval, self.notified()).await;
            self.debounce().await;
            let now = self.fingerprint().await;
            if now != self.seen {
                self.seen = now;
                // A folder may have been replaced by another, which the old watcher does not see.
                self._watcher = watcher(&self.paths, self.poll_interval, self.notify.clone());
                return;
            }
        }
    }

    async fn notified(&mut self) {
        if self.notifications.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }

    async fn debounce(&mut self) {
        for _ in 0..MAX_DEBOUNCES {
            if timeout(DEBOUNCE, self.notified()).await.is_err() {
                return;
            }
            sleep(DEBOUNCE).await;
        }
    }

    async fn fingerprint(&self) -> Fingerprint {
        let paths = self.paths.clone();
        tokio::task::spawn_blocking(move || Fingerprint::of(&paths))
            .await
            .unwrap_or_default()
    }
}

/// Watches the folder of each path, and a path that is a folder itself. A mounted Secret or ConfigMap
/// changes by renaming a symlink beside the file, and a checked-out folder by renaming a symlink to
/// the folder.
fn watcher(
    paths: &[PathBuf],
    poll_interval: Duration,
    notify: mpsc::Sender<()>,
) -> Option<RecommendedWatcher> {
    let warn = |error: notify::Error| {
        tracing::warn!(%error, every = ?poll_interval, "some files cannot be watched, so they are polled");
    };
    let handler = move |_| {
        // It is full if a notification waits already.
        let _ = notify.try_send(());
    };
    let mut watcher = notify::recommended_watcher(handler).map_err(warn).ok()?;
    for folder in paths
        .iter()
        .flat_map(|path| folders(path))
        .collect::<BTreeSet<_>>()
    {
        if let Err(error) = watcher.watch(&folder, RecursiveMode::NonRecursive) {
            warn(error);
        }
    }
    Some(watcher)
}

fn folders(path: &Path) -> impl Iterator<Item = PathBuf> {
    let around = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let itself = path.is_dir().then(|| path.to_owned());
    itself.into_iter().chain([around.to_owned()])
}

/// The metadata of files, which differs when they change. For a folder, that of the files in it, but
/// not of folders inside.
#[derive(Debug, Default, PartialEq, Eq)]
struct Fingerprint(BTreeMap<PathBuf, Option<FileMetadata>>);

#[derive(Debug, PartialEq, Eq)]
struct FileMetadata {
    device: u64,
    inode: u64,
    size: u64,
    modified: Option<SystemTime>,
}

impl Fingerprint {
    fn of(paths: &[PathBuf]) -> Self {
        let mut all = Self::default();
        for path in paths {
            for entry in fs::read_dir(path).into_iter().flatten().flatten() {
                all.add(entry.path());
            }
            all.add(path.clone());
        }
        all
    }

    /// Follows symlinks, as reading does.
    fn add(&mut self, path: PathBuf) {
        let metadata = fs::metadata(&path).ok();
        if !metadata.as_ref().is_some_and(fs::Metadata::is_dir) {
            self.0
                .insert(path, metadata.map(|metadata| FileMetadata::of(&metadata)));
        }
    }
}

impl FileMetadata {
    fn of(metadata: &fs::Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: metadata.modified().ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    async fn change_is_seen(watch: &mut FileWatch) -> bool {
        timeout(Duration::from_secs(10), watch.changed())
            .await
            .is_ok()
    }

    #[tokio::test]
    async fn adding_writing_or_removing_a_file_in_a_folder_is_a_change() {
        let folder = TempDir::new().expect("a folder");
        let mut watch = FileWatch::new(vec![folder.path().to_owned()], Duration::from_secs(60));
        let file = folder.path().join("a.yaml");
        fs::write(&file, "a").expect("written");
        assert!(change_is_seen(&mut watch).await, "added");
        fs::write(&file, "ab").expect("written");
        assert!(change_is_seen(&mut watch).await, "written");
        fs::remove_file(&file).expect("removed");
        assert!(change_is_seen(&mut watch).await, "removed");
    }

    #[tokio::test]
    async fn polling_finds_a_change_behind_a_symlink_into_an_unwatched_folder() {
        let (folder, elsewhere) = (
            TempDir::new().expect("a folder"),
            TempDir::new().expect("a folder"),
        );
        let target = elsewhere.path().join("cert");
        fs::write(&target, "one").expect("written");
        let link = folder.path().join("tls.crt");
        std::os::unix::fs::symlink(&target, &link).expect("a link");
        let mut watch = FileWatch::new(vec![link], Duration::from_millis(20));
        fs::write(&target, "other").expect("written");
        assert!(change_is_seen(&mut watch).await);
    }

    #[tokio::test]
    async fn replacing_a_folder_is_a_change_and_the_new_folder_is_watched() {
        let root = TempDir::new().expect("a folder");
        let (shown, staged) = (root.path().join("current"), root.path().join("next"));
        for version in ["one", "two"] {
            fs::create_dir(root.path().join(version)).expect("a folder");
            fs::write(root.path().join(version).join("a.yaml"), version).expect("written");
        }
        std::os::unix::fs::symlink("one", &shown).expect("a link");
        let mut watch = FileWatch::new(vec![shown.clone()], Duration::from_secs(60));
        std::os::unix::fs::symlink("two", &staged).expect("a link");
        fs::rename(staged, &shown).expect("swapped");
        assert!(change_is_seen(&mut watch).await, "replaced");
        fs::write(shown.join("b.yaml"), "b").expect("written");
        assert!(change_is_seen(&mut watch).await, "added to the new one");
    }

    #[tokio::test]
    async fn unchanged_files_report_no_change() {
        let folder = TempDir::new().expect("a folder");
        fs::write(folder.path().join("a.yaml"), "a").expect("written");
        let mut watch = FileWatch::new(vec![folder.path().to_owned()], Duration::from_millis(20));
        assert!(
            timeout(Duration::from_millis(500), watch.changed())
                .await
                .is_err()
        );
    }

    #[tokio::test]
    async fn following_another_path_loses_no_earlier_change() {
        let folder = TempDir::new().expect("a folder");
        let (first, second) = (folder.path().join("a.yaml"), folder.path().join("b.wasm"));
        fs::write(&first, "a").expect("written");
        fs::write(&second, "b").expect("written");
        let mut watch = FileWatch::new(vec![first.clone()], Duration::from_millis(20));
        fs::write(&first, "ab").expect("written");
        watch.follow(vec![first, second.clone()]).await;
        assert!(change_is_seen(&mut watch).await, "the change before");
        fs::write(&second, "bc").expect("written");
        assert!(change_is_seen(&mut watch).await, "the change after");
    }
}
