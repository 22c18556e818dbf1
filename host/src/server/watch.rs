//! Waits for files to change: certificates, and folders of policies.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

/// Files are written in several steps; what is read in between is half of it.
const QUIET: Duration = Duration::from_millis(150);
/// A file that never comes to rest is read all the same after so many rests missed.
const RESTLESS: usize = 10;

/// Tells when files, or what is in folders, differ from what they were.
///
/// The system's notices only wake it: whether something changed is read from the files themselves,
/// so a notice too many does no harm, and one that never comes (network file systems, a symlink
/// into another folder, no watches left) is made up for by looking now and then.
#[derive(Debug)]
pub struct Watch {
    paths: Vec<PathBuf>,
    every: Duration,
    seen: Fingerprint,
    notify: mpsc::Sender<()>,
    notices: mpsc::Receiver<()>,
    /// Notices stop when it is dropped; `None` where the system gives no watches.
    _watcher: Option<RecommendedWatcher>,
}

impl Watch {
    /// Watches from now on: begin before reading the files, or a change in between is missed.
    /// `every` is how often to look without a notice.
    #[must_use]
    pub fn new(paths: Vec<PathBuf>, every: Duration) -> Self {
        let (notify, notices) = mpsc::channel(1);
        let watcher = watcher(&paths, every, notify.clone());
        let seen = Fingerprint::of(&paths);
        Self {
            paths,
            every,
            seen,
            notify,
            notices,
            _watcher: watcher,
        }
    }

    /// Watches these from now on. What changed in those watched before is still told.
    pub async fn follow(&mut self, paths: Vec<PathBuf>) {
        if paths == self.paths {
            return;
        }
        self._watcher = watcher(&paths, self.every, self.notify.clone());
        self.paths = paths;
        let mut seen = self.look().await;
        seen.0.append(&mut self.seen.0);
        self.seen = seen;
    }

    /// Waits until something has changed and come to rest.
    pub async fn changed(&mut self) {
        loop {
            let _ = timeout(self.every, self.notice()).await;
            self.rest().await;
            let now = self.look().await;
            if now != self.seen {
                self.seen = now;
                // A folder that was replaced is another one, which the old watches do not see.
                self._watcher = watcher(&self.paths, self.every, self.notify.clone());
                return;
            }
        }
    }

    async fn notice(&mut self) {
        if self.notices.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }

    async fn rest(&mut self) {
        for _ in 0..RESTLESS {
            if timeout(QUIET, self.notice()).await.is_err() {
                return;
            }
            sleep(QUIET).await;
        }
    }

    async fn look(&self) -> Fingerprint {
        let paths = self.paths.clone();
        tokio::task::spawn_blocking(move || Fingerprint::of(&paths))
            .await
            .unwrap_or_default()
    }
}

/// A mounted Secret or ConfigMap is swapped by renaming a symlink beside the file, and a checked-out
/// folder by renaming one to the folder: what must be watched is the folder around, and a folder
/// itself.
fn watcher(
    paths: &[PathBuf],
    every: Duration,
    notify: mpsc::Sender<()>,
) -> Option<RecommendedWatcher> {
    let tell = |error: notify::Error| {
        tracing::warn!(%error, ?every, "some files cannot be watched and are looked at instead");
    };
    let handler = move |_| {
        // A notice that waits already says the same.
        let _ = notify.try_send(());
    };
    let mut watcher = notify::recommended_watcher(handler).map_err(tell).ok()?;
    for folder in paths
        .iter()
        .flat_map(|path| folders(path))
        .collect::<BTreeSet<_>>()
    {
        if let Err(error) = watcher.watch(&folder, RecursiveMode::NonRecursive) {
            tell(error);
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

/// What tells one state of the files from another without reading them: of a folder, those of the
/// files in it, but not of folders inside.
#[derive(Debug, Default, PartialEq, Eq)]
struct Fingerprint(BTreeMap<PathBuf, Option<Trace>>);

#[derive(Debug, PartialEq, Eq)]
struct Trace {
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
                .insert(path, metadata.map(|metadata| Trace::of(&metadata)));
        }
    }
}

impl Trace {
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

    async fn change_is_seen(watch: &mut Watch) -> bool {
        timeout(Duration::from_secs(10), watch.changed())
            .await
            .is_ok()
    }

    #[tokio::test]
    async fn a_file_written_added_or_removed_in_a_folder_is_seen() {
        let folder = TempDir::new().expect("a folder");
        let mut watch = Watch::new(vec![folder.path().to_owned()], Duration::from_secs(60));
        let file = folder.path().join("a.yaml");
        fs::write(&file, "a").expect("written");
        assert!(change_is_seen(&mut watch).await, "added");
        fs::write(&file, "ab").expect("written");
        assert!(change_is_seen(&mut watch).await, "written");
        fs::remove_file(&file).expect("removed");
        assert!(change_is_seen(&mut watch).await, "removed");
    }

    #[tokio::test]
    async fn a_symlink_swapped_in_a_folder_that_is_not_watched_is_found_by_looking() {
        let (folder, elsewhere) = (
            TempDir::new().expect("a folder"),
            TempDir::new().expect("a folder"),
        );
        let target = elsewhere.path().join("cert");
        fs::write(&target, "one").expect("written");
        let link = folder.path().join("tls.crt");
        std::os::unix::fs::symlink(&target, &link).expect("a link");
        let mut watch = Watch::new(vec![link], Duration::from_millis(20));
        fs::write(&target, "other").expect("written");
        assert!(change_is_seen(&mut watch).await);
    }

    #[tokio::test]
    async fn a_folder_that_is_replaced_by_another_is_seen_and_watched_from_then_on() {
        let root = TempDir::new().expect("a folder");
        let (shown, staged) = (root.path().join("current"), root.path().join("next"));
        for version in ["one", "two"] {
            fs::create_dir(root.path().join(version)).expect("a folder");
            fs::write(root.path().join(version).join("a.yaml"), version).expect("written");
        }
        std::os::unix::fs::symlink("one", &shown).expect("a link");
        let mut watch = Watch::new(vec![shown.clone()], Duration::from_secs(60));
        std::os::unix::fs::symlink("two", &staged).expect("a link");
        fs::rename(staged, &shown).expect("swapped");
        assert!(change_is_seen(&mut watch).await, "replaced");
        fs::write(shown.join("b.yaml"), "b").expect("written");
        assert!(change_is_seen(&mut watch).await, "added to the new one");
    }

    #[tokio::test]
    async fn nothing_changed_means_nothing_is_told() {
        let folder = TempDir::new().expect("a folder");
        fs::write(folder.path().join("a.yaml"), "a").expect("written");
        let mut watch = Watch::new(vec![folder.path().to_owned()], Duration::from_millis(20));
        assert!(
            timeout(Duration::from_millis(500), watch.changed())
                .await
                .is_err()
        );
    }

    #[tokio::test]
    async fn a_path_followed_later_is_watched_too_and_no_earlier_change_is_lost() {
        let folder = TempDir::new().expect("a folder");
        let (first, second) = (folder.path().join("a.yaml"), folder.path().join("b.wasm"));
        fs::write(&first, "a").expect("written");
        fs::write(&second, "b").expect("written");
        let mut watch = Watch::new(vec![first.clone()], Duration::from_millis(20));
        fs::write(&first, "ab").expect("written");
        watch.follow(vec![first, second.clone()]).await;
        assert!(change_is_seen(&mut watch).await, "the change before");
        fs::write(&second, "bc").expect("written");
        assert!(change_is_seen(&mut watch).await, "the change after");
    }
}
