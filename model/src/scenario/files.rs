//! Finds scenario files, and loads the manifests that they refer to.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use serde_json::Value;

use super::{NO_BASELINE, ScenarioError};
use rollgate_yaml::{self as yaml, Document};

/// Returns the scenario files in a folder and its subfolders, sorted. Hidden files are left out.
/// Each folder is read once, whatever symbolic links refer to it.
///
/// # Errors
/// A folder or a file cannot be read.
pub fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let (mut found, mut met) = (Vec::new(), HashSet::new());
    collect(folder, &mut met, &mut found)?;
    Ok(found)
}

/// Whether a text is a scenario, or is meant to be one: it expects something, or it has the kind of
/// a scenario and is not valid.
#[must_use]
pub fn is_scenario(text: &[u8]) -> bool {
    let mut documents = yaml::read(text).into_iter();
    documents.any(|document| match document {
        Ok(Document { tree, .. }) => {
            tree.get("kind").is_some_and(|kind| kind == "Scenario") || tree.get("expect").is_some()
        }
        Err(_) => says_scenario(text),
    })
}

/// Whether a text that may not be valid YAML claims to be a scenario.
fn says_scenario(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    text.lines().any(|line| {
        let kind = line.trim().strip_prefix("kind:").map(str::trim);
        kind.is_some_and(|kind| kind.trim_matches(['"', '\'']) == "Scenario")
    })
}

fn collect(folder: &Path, met: &mut HashSet<PathBuf>, found: &mut Vec<PathBuf>) -> io::Result<()> {
    if !met.insert(fs::canonicalize(folder)?) {
        return Ok(());
    }
    let entries: io::Result<Vec<_>> = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect();
    let mut entries = entries?;
    entries.retain(|path| !is_hidden(path));
    entries.sort();
    for path in entries {
        if path.is_dir() {
            collect(&path, met, found)?;
        } else if may_be_one(&path) && is_scenario(&fs::read(&path)?) {
            found.push(path);
        }
    }
    Ok(())
}

fn is_hidden(path: &Path) -> bool {
    let name = path.file_name();
    name.is_none_or(|name| name.as_encoded_bytes().starts_with(b"."))
}

fn may_be_one(path: &Path) -> bool {
    let extension = path.extension();
    extension.is_some_and(|extension| ["yaml", "yml", "json"].iter().any(|one| extension == *one))
}

/// Replaces the path of a manifest by its content.
pub(super) fn inline_manifest(
    document: &mut Document,
    side: &str,
    folder: Option<&Path>,
) -> Result<(), ScenarioError> {
    let Some(Value::String(path)) = document.tree.get(side) else {
        return Ok(());
    };
    if side == "baseline" && path == NO_BASELINE {
        return Ok(());
    }
    let path = PathBuf::from(path);
    let tree = read_manifest(&path, folder).map_err(|why| ScenarioError::Manifest {
        path,
        why,
        location: document.spans.locate(&format!("/{side}")).focus,
    })?;
    document.tree[side] = tree;
    Ok(())
}

fn read_manifest(path: &Path, folder: Option<&Path>) -> Result<Value, String> {
    let folder = folder.ok_or("a scenario that is no file must hold its objects itself")?;
    if !path.components().all(|part| {
        matches!(
            part,
            Component::Normal(_) | Component::ParentDir | Component::CurDir
        )
    }) {
        return Err("give the path relative to the scenario".into());
    }
    let text = fs::read(folder.join(path)).map_err(|error| error.to_string())?;
    let documents: Result<Vec<_>, _> = yaml::read(&text).into_iter().collect();
    let documents = documents.map_err(|error| error.to_string())?;
    match <[Document; 1]>::try_from(documents) {
        Ok([document]) => Ok(document.tree),
        Err(documents) => Err(format!(
            "it must hold one object, and holds {}",
            documents.len()
        )),
    }
}
