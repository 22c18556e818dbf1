//! Which files paths mean: each file and each folder once, whatever links lead to it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs::{self, FileType, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use super::files::{is_configuration, is_hidden};

/// Finds the files that paths mean, each once for all paths.
#[derive(Debug)]
pub struct Walk {
    reach: Reach,
    limit: usize,
    /// What was met, and the number of the path that led there first.
    met: HashMap<Identity, usize>,
    paths: usize,
}

/// How far below a folder files are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// In the folder itself, as `kubectl apply -f` does.
    Folder,
    /// In the folders in it too, as with `kubectl apply -R`.
    Below,
}

/// What a path means.
#[derive(Debug, Default)]
pub struct Found {
    /// The files, sorted.
    pub files: Vec<PathBuf>,
    /// What could not be followed.
    pub faults: Vec<Fault>,
    /// Whether something was left out because it had been found by an earlier path.
    pub repeated: bool,
}

/// A path that cannot be followed, and why.
#[derive(Debug)]
pub struct Fault {
    /// The path.
    pub path: PathBuf,
    /// Why.
    pub why: FaultKind,
}

/// Why a path cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum FaultKind {
    /// It is not there, or may not be read.
    #[error("cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    /// A pipe, a socket or a device in a folder: reading it might never end.
    #[error("this is no regular file; name it by itself to read it, or move it out of this folder")]
    Special,
    /// There is no end in sight.
    #[error(
        "more than {0} folders and files lie below this folder; name the folders of manifests in it"
    )]
    TooMany(usize),
}

/// The folders and files followed below one path at most; a large repository with its
/// dependencies has some tens of thousands.
const LIMIT: usize = 200_000;

/// What tells files apart, whatever they are called.
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
    /// A walk that has met nothing yet.
    #[must_use]
    pub fn new(reach: Reach) -> Self {
        Self {
            reach,
            limit: LIMIT,
            met: HashMap::new(),
            paths: 0,
        }
    }

    /// The files that a path means: itself, or the YAML and JSON files in a folder. Hidden ones are
    /// left out: in a mounted ConfigMap or Secret those are the folders (`..data`) that the visible
    /// links lead into.
    pub fn files(&mut self, path: &Path) -> Found {
        self.paths += 1;
        let mut found = Found::default();
        match fs::metadata(path) {
            Err(error) => found.fault(path, error),
            Ok(metadata) if metadata.is_dir() => {
                if self.meet(path, &metadata, &mut found) {
                    self.below(path, &mut found);
                }
            }
            Ok(metadata) => {
                if self.meet(path, &metadata, &mut found) {
                    found.files.push(path.to_owned());
                }
            }
        }
        found.files.sort();
        found
    }

    /// Notes that something was met; `false` where it had been before.
    fn meet(&mut self, path: &Path, metadata: &Metadata, found: &mut Found) -> bool {
        match self.met.entry(identity(path, metadata)) {
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

    /// Follows links after all else, so that what they lead to goes by its own name where that lies
    /// below the path, too.
    fn below(&mut self, root: &Path, found: &mut Found) {
        let mut ahead = Ahead {
            folders: vec![root.to_owned()],
            links: Vec::new(),
        };
        let mut left = self.limit;
        loop {
            if let Some(folder) = ahead.folders.pop() {
                if let Err(error) = self.list(&folder, &mut ahead, found, &mut left) {
                    found.fault(&folder, error);
                }
            } else if let Some(link) = ahead.links.pop() {
                self.follow(link, &mut ahead, found);
            } else {
                return;
            }
            if left == 0 {
                return found.fault(root, FaultKind::TooMany(self.limit));
            }
        }
    }

    fn list(
        &mut self,
        folder: &Path,
        ahead: &mut Ahead,
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
                ahead.links.push(path);
            } else if kind.is_dir() {
                self.folder(path, ahead, found);
            } else {
                self.file(path, kind, found);
            }
        }
        Ok(())
    }

    /// A link to nothing is an error where its name says that a manifest was meant.
    fn follow(&mut self, link: PathBuf, ahead: &mut Ahead, found: &mut Found) {
        match fs::metadata(&link) {
            Ok(metadata) if metadata.is_dir() => self.folder(link, ahead, found),
            Ok(metadata) if is_configuration(&link) => {
                self.file(link, metadata.file_type(), found);
            }
            Err(error) if is_configuration(&link) => found.fault(&link, error),
            Ok(_) | Err(_) => {}
        }
    }

    fn folder(&mut self, path: PathBuf, ahead: &mut Ahead, found: &mut Found) {
        if self.reach == Reach::Folder {
            return;
        }
        match fs::metadata(&path) {
            Ok(metadata) => {
                if self.meet(&path, &metadata, found) {
                    ahead.folders.push(path);
                }
            }
            Err(error) => found.fault(&path, error),
        }
    }

    fn file(&mut self, path: PathBuf, kind: FileType, found: &mut Found) {
        if !kind.is_file() {
            return found.fault(&path, FaultKind::Special);
        }
        match fs::metadata(&path) {
            Ok(metadata) => {
                if self.meet(&path, &metadata, found) {
                    found.files.push(path);
                }
            }
            Err(error) => found.fault(&path, error),
        }
    }
}

/// What is still to be looked at.
struct Ahead {
    folders: Vec<PathBuf>,
    links: Vec<PathBuf>,
}

impl Found {
    fn fault(&mut self, path: &Path, why: impl Into<FaultKind>) {
        self.faults.push(Fault {
            path: path.to_owned(),
            why: why.into(),
        });
    }
}

#[cfg(all(test, unix))]
mod tests;
