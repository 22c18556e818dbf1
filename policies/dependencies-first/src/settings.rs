//! The settings as an operator writes them.

use schemars::JsonSchema;
use serde::Deserialize;

/// How workloads name the workloads that they depend on.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    /// The key of the annotation; `rollgate.dev/depends-on` by default. Its value lists workloads as
    /// `KIND/NAME`, or `NAMESPACE/KIND/NAME` in another namespace, separated by commas.
    pub annotation: Option<String>,
}
