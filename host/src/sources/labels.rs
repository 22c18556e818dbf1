//! The labels of a namespace.

use serde::Deserialize;
use std::collections::BTreeMap;

/// Labels with their values, sorted by key.
pub type Labels = [(String, String)];

/// Reads `metadata.labels` of an object's JSON text. An object without labels has none.
pub(super) fn of_object(text: &str) -> Result<Vec<(String, String)>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Object {
        #[serde(default)]
        metadata: Metadata,
    }
    #[derive(Default, Deserialize)]
    struct Metadata {
        labels: Option<BTreeMap<String, String>>,
    }
    let object: Object = serde_json::from_str(text)?;
    Ok(object
        .metadata
        .labels
        .unwrap_or_default()
        .into_iter()
        .collect())
}
