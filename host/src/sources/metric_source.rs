//! `MetricSource` as an operator writes it.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::prometheus;

/// Describes a place that metrics come from. Policies ask for it by its name and never see where
/// it is.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MetricSource {
    /// `rollgate.dev/v1alpha1`.
    pub api_version: ApiVersion,
    /// `MetricSource`.
    pub kind: Kind,
    /// Carries the name that policies ask by.
    pub metadata: Metadata,
    /// Where the metrics are and how they are read.
    pub spec: MetricSourceSpec,
}

/// The version of the format.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub enum ApiVersion {
    /// The only one so far.
    #[serde(rename = "rollgate.dev/v1alpha1")]
    V1Alpha1,
}

/// The kind of the object.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub enum Kind {
    /// The only one.
    MetricSource,
}

/// The name that policies ask by.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Metadata {
    /// The name.
    pub name: String,
    /// For people and tools; rollgate reads none of them.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// For people and tools; rollgate reads none of them.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
}

impl Metadata {
    /// That of a source with this name.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
        }
    }
}

/// Where the metrics are; one field for each kind of source.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MetricSourceSpec {
    /// A server with Prometheus' HTTP API, such as Prometheus, Thanos, Mimir or VictoriaMetrics.
    pub prometheus: prometheus::Spec,
    /// The namespaces whose `RolloutPolicy`s may query it, or `*` for all; none by default. A
    /// `ClusterRolloutPolicy` may query every source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespaces: Option<BTreeSet<String>>,
    /// Label matchers, such as `namespace="${namespace}"`, that rollgate puts into every selector of a
    /// `RolloutPolicy`'s query. `${namespace}` is the namespace of the policy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub matchers: Vec<String>,
    /// Queries that a `RolloutPolicy` may make by name: it gives the name in place of PromQL.
    /// `${namespace}` in a string is the namespace of the policy. Without `matchers`, it may make no
    /// others.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub queries: BTreeMap<String, String>,
}

/// Stands in `namespaces` for all of them.
pub(super) const ALL_NAMESPACES: &str = "*";

impl MetricSourceSpec {
    /// Whether policies of a namespace may query the source.
    #[must_use]
    pub(crate) fn is_open_to(&self, namespace: &str) -> bool {
        let named =
            |open: &BTreeSet<String>| open.contains(namespace) || open.contains(ALL_NAMESPACES);
        self.namespaces.as_ref().is_some_and(named)
    }
}

/// A source that cannot be set up as it is described.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SourceError {
    /// RFC 6901 pointer into the `MetricSource`.
    pub pointer: String,
    /// What is wrong and what would be right; never a credential.
    pub message: String,
}
