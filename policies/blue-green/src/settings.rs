//! The settings as an operator writes them.

use schemars::JsonSchema;
use serde::Deserialize;

/// When a Service may switch to other Pods.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    /// How long all Pods must have been available before the switch; `30s` by default.
    pub available_for: Option<String>,
}
