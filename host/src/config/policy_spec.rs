//! The schema of `RolloutPolicy` and `ClusterRolloutPolicy`, in files and in the cluster. Rules that
//! types cannot express are checked when a spec is compiled, so that all mistakes are reported at once.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Action, OnError};

/// The group and version of everything that rollgate reads.
pub const API_VERSION: &str = "rollgate.dev/v1alpha1";

/// A policy object.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PolicyObject {
    /// Always [`API_VERSION`].
    pub api_version: String,
    /// `RolloutPolicy` or `ClusterRolloutPolicy`.
    pub kind: String,
    /// Its name and namespace.
    pub metadata: Metadata,
    /// The policy.
    pub spec: PolicySpec,
    /// Written by the cluster; ignored.
    #[serde(default)]
    pub status: Option<IgnoredAny>,
}

/// The fields of `metadata`; all but name and namespace are ignored.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Metadata {
    /// The name.
    pub name: String,
    /// The namespace; a `RolloutPolicy` matches only rollouts in it.
    #[serde(default)]
    pub namespace: Option<String>,
    #[serde(default, rename = "labels")]
    _labels: BTreeMap<String, String>,
    #[serde(default, rename = "annotations")]
    _annotations: BTreeMap<String, String>,
    #[serde(default, rename = "creationTimestamp")]
    _creation_timestamp: Option<IgnoredAny>,
    #[serde(default, rename = "finalizers")]
    _finalizers: Option<IgnoredAny>,
    #[serde(default, rename = "generation")]
    _generation: Option<IgnoredAny>,
    #[serde(default, rename = "managedFields")]
    _managed_fields: Option<IgnoredAny>,
    #[serde(default, rename = "ownerReferences")]
    _owner_references: Option<IgnoredAny>,
    #[serde(default, rename = "resourceVersion")]
    _resource_version: Option<IgnoredAny>,
    #[serde(default, rename = "uid")]
    _uid: Option<IgnoredAny>,
}

impl Metadata {
    /// Creates the metadata of an object with this name.
    #[must_use]
    pub(crate) fn named(name: &str, namespace: Option<&str>) -> Self {
        Self {
            name: name.to_owned(),
            namespace: namespace.map(str::to_owned),
            ..Self::default()
        }
    }
}

/// A policy: its module, settings, match, and what its verdicts lead to.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PolicySpec {
    /// The rule, as a WebAssembly module.
    pub module: Module,
    /// The module's own settings; `rollgate inspect` shows their schema.
    #[serde(default)]
    pub settings: Map<String, Value>,
    /// Which rollouts it evaluates.
    #[serde(default, rename = "match")]
    pub matches: MatchSpec,
    /// What a denial or a hold leads to: `Enforce` (default), `Warn` or `Audit`.
    #[serde(default)]
    pub action: Action,
    /// What a failure leads to: `Deny` (default) or `Allow`.
    #[serde(default)]
    pub on_error: OnError,
    /// How long one evaluation may take, its queries included, such as `500ms`; 2s by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
    /// How much CPU time one evaluation may use, such as `50ms`, checked at least every 10 ms; 100ms by default.
    /// Waiting for metrics or the cluster does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<String>,
    /// How much memory one evaluation may use, such as `32Mi`; 16Mi by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<MemorySpec>,
    /// What it may query from metrics and the cluster; nothing by default.
    #[serde(default)]
    pub grants: GrantsSpec,
}

/// The module: `builtin` or `file`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Module {
    /// The name of a policy that is part of rollgate, such as `probes`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub builtin: Option<String>,
    /// A `.wasm` file. In a file of policies a relative path starts at that file's folder; in the
    /// cluster this is the name of a file in the mounted module folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The digest that the module must have: `sha256:` and 64 hexadecimal digits, as `rollgate inspect`
    /// prints it. A module with another one is not loaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

/// Which rollouts a policy evaluates. A field that is left out does not restrict them.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MatchSpec {
    /// Kinds: `Deployment`, `StatefulSet`, `DaemonSet`, `Rollout`, `Service`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kinds: Option<Vec<String>>,
    /// Namespaces, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespaces: Option<Vec<String>>,
    /// Namespaces that are excluded.
    #[serde(default)]
    pub exclude_namespaces: Vec<String>,
    /// Labels of the namespace; in a ClusterRolloutPolicy only. Both this and `namespaces` must match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace_selector: Option<SelectorSpec>,
    /// Labels of the object, before or after the change.
    #[serde(default)]
    pub labels: SelectorSpec,
    /// Classes of change; `create`, `roll-forward`, `resume` and `release` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes: Option<Vec<String>>,
}

/// A label selector as Kubernetes writes it.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SelectorSpec {
    /// Labels with exactly these values.
    #[serde(default)]
    pub match_labels: BTreeMap<String, String>,
    /// Further requirements.
    #[serde(default)]
    pub match_expressions: Vec<ExpressionSpec>,
}

/// One requirement of a label selector.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExpressionSpec {
    /// The label's key.
    pub key: String,
    /// How the label is compared with the values.
    pub operator: Operator,
    /// The values, for `In` and `NotIn`.
    #[serde(default)]
    pub values: Vec<String>,
}

/// How a label is compared with values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Operator {
    /// One of the values.
    In,
    /// Absent, or another value.
    NotIn,
    /// Present.
    Exists,
    /// Absent.
    DoesNotExist,
}

/// An amount of memory: bytes, or a Kubernetes quantity.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum MemorySpec {
    /// Bytes.
    Bytes(u64),
    /// A quantity such as `16Mi`.
    Quantity(String),
}

/// What a policy may query from metrics and the cluster.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GrantsSpec {
    /// Names of `MetricSource`s.
    #[serde(default)]
    pub metrics: Vec<String>,
    /// Kinds of objects in the cluster; never `Secret`.
    #[serde(default)]
    pub cluster: Vec<ClusterGrantSpec>,
}

/// Permission to read the objects of one kind.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClusterGrantSpec {
    /// For example `apps/v1`.
    pub api_version: String,
    /// For example `ReplicaSet`.
    pub kind: String,
    /// The namespaces; if left out, every namespace and cluster-scoped objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespaces: Option<Vec<String>>,
}
