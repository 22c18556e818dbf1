//! Which files hold policies and manifests, by their names, and what stands in them.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

/// The longest file of policies that is read, in bytes.
const MAX_FILE: u64 = 8 << 20;

/// Whether a file's name says that it holds YAML or JSON.
#[must_use]
pub(super) fn is_configuration(file: &Path) -> bool {
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
