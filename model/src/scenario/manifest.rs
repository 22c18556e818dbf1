//! Loads `old`, `new` and `baseline` where they are paths of manifests.

use std::path::{Component, Path, PathBuf};

use serde_json::Value;

use super::{NO_BASELINE, ScenarioError};
use crate::yaml::{self, Document};

/// Replaces the path of a manifest by its content.
pub(super) fn inline(
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
    let tree = read(&path, folder).map_err(|why| ScenarioError::Manifest {
        path,
        why,
        location: document.spans.locate(&format!("/{side}")).focus,
    })?;
    document.tree[side] = tree;
    Ok(())
}

fn read(path: &Path, folder: Option<&Path>) -> Result<Value, String> {
    let folder = folder.ok_or("a scenario that is no file must hold its objects itself")?;
    if !path.components().all(|part| {
        matches!(
            part,
            Component::Normal(_) | Component::ParentDir | Component::CurDir
        )
    }) {
        return Err("give the path relative to the scenario".into());
    }
    let text = std::fs::read(folder.join(path)).map_err(|error| error.to_string())?;
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
