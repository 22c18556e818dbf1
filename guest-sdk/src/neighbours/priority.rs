//! PriorityClasses.

use serde::Deserialize;

/// A PriorityClass.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PriorityClass {
    /// The priority of its Pods.
    pub value: i32,
    /// Whether Pods without a class get it.
    #[serde(default)]
    pub global_default: bool,
    /// `Never`, or `PreemptLowerPriority`, the default.
    #[serde(default)]
    pub preemption_policy: Option<String>,
}
