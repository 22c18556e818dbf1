//! The settings as an operator writes them.

use schemars::JsonSchema;
use serde::Deserialize;

/// Where the Jobs are that test images, and how they name what they have tested.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    /// The namespace of the Jobs. Those who roll out should not be able to write Jobs there.
    pub namespace: Option<String>,
    /// Whether Jobs of the workload's own namespace count; they are refused by default, because who
    /// may roll out there can often write Jobs there too.
    #[serde(default)]
    pub own_namespace: OwnNamespace,
    /// The label of a Job with the name of the workload; `rollgate.dev/workload` by default.
    pub workload_label: Option<String>,
    /// The label of a Job with the namespace of the workload; `rollgate.dev/namespace` by default.
    pub namespace_label: Option<String>,
    /// The annotation of a Job with the images that it has tested, separated by commas or spaces;
    /// `rollgate.dev/images` by default.
    pub images_annotation: Option<String>,
    /// How old a result may be, such as `24h`; any age by default.
    pub max_age: Option<String>,
}

/// Whether Jobs of the workload's own namespace count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OwnNamespace {
    /// They do not.
    #[default]
    Refuse,
    /// They do. Without `namespace`, only they count.
    Accept,
}
