//! Which files a path means.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The longest file of policies that is read, in bytes.
const MAX_FILE: u64 = 8 << 20;

/// The files that a path means: a file itself, of a folder the YAML and JSON files in it, sorted.
/// Folders inside it are left alone, as `kubectl apply -f` does.
///
/// Names that begin with a dot are skipped. In a mounted ConfigMap or Secret those are the folders
/// (`..data`) that the visible symlinks lead into, so that each file is read once.
pub(super) fn files_of(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !fs::metadata(path)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path)? {
        let file = entry?.path();
        if is_configuration(&file) && !fs::metadata(&file).is_ok_and(|metadata| metadata.is_dir()) {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

/// Whether a file's name says that it holds YAML or JSON.
#[must_use]
pub fn is_configuration(file: &Path) -> bool {
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

/// Reads a file of policies, up to a length that none has.
pub(super) fn contents(file: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(file)?
        .take(MAX_FILE + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE {
        let message = format!(
            "longer than {} MiB, which no file of policies is",
            MAX_FILE >> 20
        );
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_means_its_yaml_and_json_files_in_order_and_no_folder_in_it() {
        let folder = tempfile::tempdir().expect("a folder");
        for file in ["b.yml", "a.yaml", "c.JSON", "readme.md", ".hidden.yaml"] {
            fs::write(folder.path().join(file), "").expect("a file");
        }
        fs::create_dir(folder.path().join("d.yaml")).expect("a folder");
        let names: Vec<_> = files_of(folder.path())
            .expect("files")
            .into_iter()
            .filter_map(|file| file.file_name()?.to_str().map(str::to_owned))
            .collect();
        assert_eq!(names, ["a.yaml", "b.yml", "c.JSON"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_mounted_config_map_is_read_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let version = folder.path().join("..2026_11_21");
        fs::create_dir(&version).expect("a folder");
        fs::write(version.join("probes.yaml"), "kind: X").expect("a file");
        std::os::unix::fs::symlink("..2026_11_21", folder.path().join("..data")).expect("a link");
        std::os::unix::fs::symlink("..data/probes.yaml", folder.path().join("probes.yaml"))
            .expect("a link");
        let files = files_of(folder.path()).expect("files");
        assert_eq!(files, [folder.path().join("probes.yaml")]);
        assert_eq!(contents(&files[0]).expect("contents"), b"kind: X");
    }
}
