//! A folder that only this user can write: created with mode 0700, no symlink. If others may change a
//! folder above it, such as /tmp or the volume of a Pod, it is held open and accessed through that
//! handle, so that nobody can replace it, not even after it was deleted.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

/// A folder that can be trusted.
pub(super) struct PrivateFolder {
    path: PathBuf,
    /// The handle that `path` goes through, if it does.
    _handle: Option<File>,
}

/// Why a cache folder is not used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CacheError {
    /// It could not be created or inspected.
    #[error("{path}: {error}")]
    Unusable {
        /// The folder.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// The path is a symlink, or not a folder.
    #[error("{0} is not a folder of its own (a symlink is not followed)")]
    NotAFolder(PathBuf),
    /// Somebody else owns it.
    #[error("{0} belongs to another user")]
    Foreign(PathBuf),
    /// Others may write it.
    #[error(
        "{0} can be written by others (mode {1:03o}); compiled code is read only from a private folder"
    )]
    Shared(PathBuf, u32),
}

const OTHERS_MAY_WRITE: u32 = 0o022;
const OTHERS: u32 = 0o077;

impl PrivateFolder {
    /// Creates the folder if it is missing, and checks it and everything above it.
    pub(super) fn open(path: &Path) -> Result<Self, CacheError> {
        let unusable = |error| CacheError::Unusable {
            path: path.to_owned(),
            error,
        };
        let absolute = std::path::absolute(path).map_err(unusable)?;
        let above = absolute.parent().unwrap_or(Path::new("/"));
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(above)
            .map_err(|error| match error.kind() {
                io::ErrorKind::AlreadyExists => CacheError::NotAFolder(above.to_owned()),
                _ => unusable(error),
            })?;
        match DirBuilder::new().mode(0o700).create(&absolute) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(unusable(error));
            }
            _ => {}
        }
        check_private(
            &absolute,
            &fs::symlink_metadata(&absolute).map_err(unusable)?,
        )?;
        // The real path: what a symlink further up points at is what has to be safe.
        let real = fs::canonicalize(above).map_err(unusable)?;
        match real.ancestors().try_for_each(check_not_writable_by_others) {
            Ok(()) => Ok(Self {
                path: absolute,
                _handle: None,
            }),
            Err(CacheError::Shared(..) | CacheError::Foreign(_)) => Self::through_handle(&absolute),
            Err(error) => Err(error),
        }
    }

    /// Opens the folder itself: it stays the same when it is moved or another takes its name.
    fn through_handle(path: &Path) -> Result<Self, CacheError> {
        let unusable = |error| CacheError::Unusable {
            path: path.to_owned(),
            error,
        };
        let folder = open(path, OFlags::DIRECTORY).map_err(unusable)?;
        check_private(path, &folder.metadata().map_err(unusable)?)?;
        let through = PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd()));
        fs::metadata(&through).map_err(unusable)?;
        Ok(Self {
            path: through,
            _handle: Some(folder),
        })
    }

    /// Returns a path to the folder, valid as long as this lives.
    pub(super) fn root(&self) -> &Path {
        &self.path
    }

    /// Returns the path of a file.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Reads a file; `None` if there is none.
    pub(super) fn read(&self, name: &str) -> Option<Vec<u8>> {
        let path = self.path(name);
        let mut bytes = Vec::new();
        match open_own_file(&path).and_then(|mut file| file.read_to_end(&mut bytes)) {
            Ok(_) => Some(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "a cached policy cannot be read and is prepared again");
                None
            }
        }
    }

    /// Removes a file. If that fails, it is found unusable again.
    pub(super) fn remove(&self, name: &str) {
        let path = self.path(name);
        if let Err(error) = fs::remove_file(&path) {
            tracing::debug!(path = %path.display(), %error, "a cached policy could not be removed");
        }
    }

    /// Writes a file to a temporary name, and renames it. Does not wait for the disk: a file that a crash
    /// of the machine left incomplete has a wrong digest.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut file = tempfile::Builder::new()
            .prefix(".new-")
            .tempfile_in(&self.path)?;
        file.write_all(bytes)?;
        file.persist(self.path(name))
            .map(drop)
            .map_err(|error| error.error)
    }
}

fn open_own_file(path: &Path) -> io::Result<File> {
    let file = open(path, OFlags::empty())?;
    let metadata = file.metadata()?;
    if metadata.uid() != own_user() || !metadata.is_file() {
        return Err(io::Error::other("it is not a file of ours"));
    }
    Ok(file)
}

/// Opens a file for reading. Does not follow a symlink.
fn open(path: &Path, flags: OFlags) -> io::Result<File> {
    let flags = i32::try_from((flags | OFlags::NOFOLLOW).bits()).map_err(io::Error::other)?;
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

fn check_private(path: &Path, metadata: &Metadata) -> Result<(), CacheError> {
    if !metadata.is_dir() {
        return Err(CacheError::NotAFolder(path.to_owned()));
    }
    if metadata.uid() != own_user() {
        return Err(CacheError::Foreign(path.to_owned()));
    }
    match metadata.mode() & 0o777 {
        mode if mode & OTHERS == 0 => Ok(()),
        mode => Err(CacheError::Shared(path.to_owned(), mode)),
    }
}

/// A folder above may belong to root or to us. Others must not be able to replace our folder in it.
fn check_not_writable_by_others(path: &Path) -> Result<(), CacheError> {
    let metadata = fs::metadata(path).map_err(|error| CacheError::Unusable {
        path: path.to_owned(),
        error,
    })?;
    if metadata.uid() != own_user() && metadata.uid() != 0 {
        return Err(CacheError::Foreign(path.to_owned()));
    }
    match metadata.mode() & 0o7777 {
        mode if mode & OTHERS_MAY_WRITE == 0 => Ok(()),
        mode => Err(CacheError::Shared(path.to_owned(), mode)),
    }
}

fn own_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn hoown_user() -> tempfile::TempDir {
        tempfile::tempdir().expect("a folder")
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("it is ours");
    }

    #[test]
    fn cache_creates_its_folder_with_mode_0700() {
        let home = hoown_user();
        let path = home.path().join("a/b");
        PrivateFolder::open(&path).expect("nothing is wrong with it");
        assert_eq!(
            fs::metadata(path).expect("it was made").mode() & 0o777,
            0o700
        );
    }

    #[test]
    fn folder_that_others_may_read_or_write_is_refused() {
        let home = hoown_user();
        for mode in [0o770, 0o777, 0o702, 0o755] {
            set_mode(home.path(), 0o700);
            let path = home.path().join("cache");
            fs::create_dir_all(&path).expect("it is ours");
            set_mode(&path, mode);
            assert!(
                matches!(PrivateFolder::open(&path), Err(CacheError::Shared(..))),
                "{mode:o}"
            );
        }
    }

    #[test]
    fn symlink_is_refused() {
        let home = hoown_user();
        let (real, link) = (home.path().join("real"), home.path().join("link"));
        PrivateFolder::open(&real).expect("nothing is wrong with it");
        symlink(&real, &link).expect("it is ours");
        assert!(matches!(
            PrivateFolder::open(&link),
            Err(CacheError::NotAFolder(_))
        ));
    }

    /// Creates a folder that others may write, and a cache in it; returns the cache and its path.
    fn in_a_shared_folder(home: &Path, mode: u32) -> (PrivateFolder, PathBuf) {
        let (shared, path) = (home.join("shared"), home.join("shared/cache"));
        fs::create_dir(&shared).expect("it is ours");
        set_mode(&shared, mode);
        let folder = PrivateFolder::open(&path).expect("the folder itself is private");
        folder.write("x", b"ours").expect("there is room");
        (folder, path)
    }

    #[test]
    fn folder_that_others_put_in_its_place_is_neither_read_nor_written() {
        for mode in [0o777, 0o2777, 0o1777, 0o775] {
            let home = hoown_user();
            let (folder, path) = in_a_shared_folder(home.path(), mode);
            let moved = home.path().join("shared/moved");
            fs::rename(&path, &moved).expect("others may do so");
            fs::create_dir(&path).expect("others may do so");
            fs::write(path.join("x"), b"theirs").expect("others may do so");
            assert_eq!(folder.read("x").as_deref(), Some(&b"ours"[..]));
            folder.write("y", b"ours").expect("there is room");
            assert!(moved.join("y").exists(), "{mode:o}");
        }
    }

    #[test]
    fn folder_that_replaces_a_deleted_one_is_neither_read_nor_written() {
        let home = hoown_user();
        let (folder, path) = in_a_shared_folder(home.path(), 0o1777);
        fs::remove_dir_all(&path).expect("whoever cleans up /tmp may do so");
        assert_eq!(folder.read("x"), None);
        fs::create_dir(&path).expect("others may do so");
        fs::write(path.join("x"), b"theirs").expect("others may do so");
        assert_eq!(folder.read("x"), None);
        folder.write("y", b"ours").expect_err("the folder is gone");
        assert!(!path.join("y").exists());
    }

    #[test]
    fn file_is_replaced_whole() {
        let home = hoown_user();
        let folder =
            PrivateFolder::open(&home.path().join("cache")).expect("nothing is wrong with it");
        folder.write("x", b"one").expect("there is room");
        folder.write("x", b"two").expect("there is room");
        assert_eq!(folder.read("x").as_deref(), Some(&b"two"[..]));
        assert_eq!(folder.read("y"), None);
    }
}
