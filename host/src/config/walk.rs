//! Finds the files that paths name: each file and each folder once, whatever links lead to it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs::{self, FileType, Metadata};
use std::io;
use std::path::{Path, PathBuf};

/// Finds the files that paths name, each once for all paths.
#[derive(Debug)]
pub(crate) struct Walk {
    depth: Depth,
    limit: usize,
    /// The files and folders found so far, with the number of the first path that led there.
    seen: HashMap<Identity, usize>,
    paths: usize,
}

/// How deep below a folder to look for files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// In the folder itself, as `kubectl apply -f` does.
    Folder,
    /// In the folders in it too, as with `kubectl apply -R`.
    Recursive,
}

/// The files that a path names.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The files, sorted.
    pub files: Vec<PathBuf>,
    /// The paths that could not be followed.
    pub errors: Vec<WalkError>,
    /// Whether something was left out because it had been found by an earlier path.
    pub repeated: bool,
}

/// A path that cannot be followed, and why.
#[derive(Debug)]
pub(crate) struct WalkError {
    /// The path.
    pub path: PathBuf,
    /// Why.
    pub why: WalkErrorKind,
}

/// Why a path cannot be followed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WalkErrorKind {
    /// It is not there, or may not be read.
    #[error("cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    /// A pipe, a socket or a device in a folder: reading it might never end.
    #[error("this is no regular file; name it by itself to read it, or move it out of this folder")]
    Special,
    /// There are too many files.
    #[error(
        "there are more than {0} folders and files below this folder; name the folders of manifests in it"
    )]
    TooMany(usize),
}

/// The folders and files followed below one path at most; a large repository with its
/// dependencies has some tens of thousands.
const LIMIT: usize = 200_000;

/// Identifies a file, whatever its name.
#[cfg(unix)]
type Identity = (u64, u64);
#[cfg(not(unix))]
type Identity = PathBuf;

#[cfg(unix)]
fn identity(_: &Path, metadata: &Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

#[cfg(not(unix))]
fn identity(path: &Path, _: &Metadata) -> Identity {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

impl Walk {
    /// Starts a walk.
    #[must_use]
    pub(crate) fn new(depth: Depth) -> Self {
        Self {
            depth,
            limit: LIMIT,
            seen: HashMap::new(),
            paths: 0,
        }
    }

    /// Returns the files that a path names: itself, or the YAML and JSON files in a folder. Hidden ones
    /// are left out: in a mounted ConfigMap or Secret those are the folders (`..data`) that the visible
    /// links lead into.
    pub(crate) fn files(&mut self, path: &Path) -> Found {
        self.paths += 1;
        let mut found = Found::default();
        match fs::metadata(path) {
            Err(error) => found.error(path, error),
            Ok(metadata) if metadata.is_dir() => {
                if self.mark_seen(path, &metadata, &mut found) {
                    self.below(path, &mut found);
                }
            }
            Ok(metadata) => {
                if self.mark_seen(path, &metadata, &mut found) {
                    found.files.push(path.to_owned());
                }
            }
        }
        found.files.sort();
        found
    }

    /// Marks a file or folder as seen; `false` if it was before.
    fn mark_seen(&mut self, path: &Path, metadata: &Metadata, found: &mut Found) -> bool {
        match self.seen.entry(identity(path, metadata)) {
            Entry::Vacant(entry) => {
                entry.insert(self.paths);
                true
            }
            Entry::Occupied(first) => {
                found.repeated |= *first.get() < self.paths;
                false
            }
        }
    }

    /// Follows links last, so that a file goes by its own name if that is below the path too.
    fn below(&mut self, root: &Path, found: &mut Found) {
        let mut pending = Pending {
            folders: vec![root.to_owned()],
            links: Vec::new(),
        };
        let mut left = self.limit;
        loop {
            if let Some(folder) = pending.folders.pop() {
                if let Err(error) = self.list(&folder, &mut pending, found, &mut left) {
                    found.error(&folder, error);
                }
            } else if let Some(link) = pending.links.pop() {
                self.follow(link, &mut pending, found);
            } else {
                return;
            }
            if left == 0 {
                return found.error(root, WalkErrorKind::TooMany(self.limit));
            }
        }
    }

    fn list(
        &mut self,
        folder: &Path,
        pending: &mut Pending,
        found: &mut Found,
        left: &mut usize,
    ) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let path = entry.path();
            if is_hidden(&path) {
                continue;
            }
            let kind = entry.file_type()?;
            if !kind.is_dir() && !kind.is_symlink() && !is_configuration(&path) {
                continue;
            }
            match left.checked_sub(1) {
                Some(fewer) => *left = fewer,
                None => return Ok(()),
            }
            if kind.is_symlink() {
                pending.links.push(path);
            } else if kind.is_dir() {
                self.folder(path, pending, found);
            } else {
                self.file(path, kind, found);
            }
        }
        Ok(())
    }

    /// A broken link is an error if it has the name of a manifest.
    fn follow(&mut self, link: PathBuf, pending: &mut Pending, found: &mut Found) {
        match fs::metadata(&link) {
            Ok(metadata) if metadata.is_dir() => self.folder(link, pending, found),
            Ok(metadata) if is_configuration(&link) => {
                self.file(link, metadata.file_type(), found);
            }
            Err(error) if is_configuration(&link) => found.error(&link, error),
            Ok(_) | Err(_) => {}
        }
    }

    fn folder(&mut self, path: PathBuf, pending: &mut Pending, found: &mut Found) {
        if self.depth == Depth::Folder {
            return;
        }
        match fs::metadata(&path) {
            Ok(metadata) => {
                if self.mark_seen(&path, &metadata, found) {
                    pending.folders.push(path);
                }
            }
            Err(error) => found.error(&path, error),
        }
    }

    fn file(&mut self, path: PathBuf, kind: FileType, found: &mut Found) {
        if !kind.is_file() {
            return found.error(&path, WalkErrorKind::Special);
        }
        match fs::metadata(&path) {
            Ok(metadata) => {
                if self.mark_seen(&path, &metadata, found) {
                    found.files.push(path);
                }
            }
            Err(error) => found.error(&path, error),
        }
    }
}

/// What the walk still has to visit.
struct Pending {
    folders: Vec<PathBuf>,
    links: Vec<PathBuf>,
}

impl Found {
    fn error(&mut self, path: &Path, why: impl Into<WalkErrorKind>) {
        self.errors.push(WalkError {
            path: path.to_owned(),
            why: why.into(),
        });
    }
}

/// Whether a file's name says that it holds YAML or JSON.
fn is_configuration(file: &Path) -> bool {
    let known = ["yaml", "yml", "json"];
    !is_hidden(file)
        && file.extension().is_some_and(|extension| {
            known
                .iter()
                .any(|known| extension.eq_ignore_ascii_case(known))
        })
}

/// Whether a name begins with a dot.
pub(super) fn is_hidden(path: &Path) -> bool {
    path.file_name()
        .is_none_or(|name| name.as_encoded_bytes().starts_with(b"."))
}

#[cfg(all(test, unix))]
mod tests;
