//! Takes out what nobody has used for long: each change of settings, of a module or of rollgate
//! leaves an artefact behind that no key leads to any more.

use std::fs::{DirEntry, File};
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const KEPT_UNUSED: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Removes the files of a folder that were not used for 30 days. One that cannot be removed stays.
pub(super) fn tidy(folder: &Path) {
    let Ok(entries) = folder.read_dir() else {
        return;
    };
    let unused: Vec<_> = entries.flatten().filter(is_unused).collect();
    let removed = unused
        .iter()
        .filter(|entry| std::fs::remove_file(entry.path()).is_ok())
        .count();
    if removed > 0 {
        tracing::info!(folder = %folder.display(), files = removed, "prepared policies that were not used for 30 days were removed");
    }
}

/// Says that a file was used now. Once a day is often enough, and spares the disk.
pub(super) fn mark_used(path: &Path) {
    let mark = || -> io::Result<()> {
        let file = File::options().append(true).open(path)?;
        if age(file.metadata()?.modified()?) > DAY {
            file.set_modified(SystemTime::now())?;
        }
        Ok(())
    };
    if let Err(error) = mark() {
        tracing::debug!(path = %path.display(), %error, "the use of a cached policy could not be noted");
    }
}

fn is_unused(entry: &DirEntry) -> bool {
    entry.metadata().is_ok_and(|metadata| {
        metadata.is_file() && metadata.modified().is_ok_and(|at| age(at) > KEPT_UNUSED)
    })
}

/// A time in the future, by a clock that was set back, counts as now.
fn age(at: SystemTime) -> Duration {
    at.elapsed().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(folder: &tempfile::TempDir, name: &str, age: Duration) -> std::path::PathBuf {
        let path = folder.path().join(name);
        let file = File::create(&path).expect("the folder is ours");
        file.set_modified(SystemTime::now() - age)
            .expect("the file is ours");
        path
    }

    #[test]
    fn what_was_not_used_for_30_days_goes_and_the_rest_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let fresh = file(&folder, "fresh.code", 29 * DAY);
        let old = file(&folder, "old.code", 31 * DAY);
        let torn = file(&folder, ".new-torn", 31 * DAY);
        tidy(folder.path());
        assert!(fresh.exists());
        assert!(!old.exists() && !torn.exists());
    }

    #[test]
    fn a_file_that_is_used_is_young_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let used = file(&folder, "used.code", 31 * DAY);
        mark_used(&used);
        tidy(folder.path());
        assert!(used.exists());
    }
}
