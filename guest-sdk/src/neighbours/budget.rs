//! PodDisruptionBudgets.

use super::fields::{Metadata, Scalar, or_default};
use super::{LabelSelector, Neighbour};
use crate::IntOrString;
use serde::Deserialize;

/// A PodDisruptionBudget of `policy/v1`.
#[derive(Clone, Debug, PartialEq)]
pub struct Budget {
    /// `metadata.name`.
    pub name: String,
    /// `spec.selector`. An empty one selects every Pod of the namespace, an absent one none.
    pub selector: Option<LabelSelector>,
    /// `spec.minAvailable`.
    pub min_available: Option<IntOrString>,
    /// `spec.maxUnavailable`.
    pub max_unavailable: Option<IntOrString>,
    /// `spec.unhealthyPodEvictionPolicy`: `AlwaysAllow` or `IfHealthyBudget`, the default.
    pub unhealthy_pod_eviction_policy: Option<String>,
}

impl Budget {
    /// Returns whether it counts Pods with these labels.
    #[must_use]
    pub fn selects(&self, labels: &[(String, String)]) -> bool {
        let selector = self.selector.as_ref();
        selector.is_some_and(|selector| selector.selects(labels))
    }
}

#[derive(Deserialize)]
pub(super) struct Object {
    metadata: Metadata,
    #[serde(default, deserialize_with = "or_default")]
    spec: Spec,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    selector: Option<LabelSelector>,
    min_available: Option<Scalar>,
    max_unavailable: Option<Scalar>,
    unhealthy_pod_eviction_policy: Option<String>,
}

impl Neighbour<Budget> for Object {
    fn namespace(&self) -> &str {
        &self.metadata.namespace
    }

    fn into_neighbour(self) -> Budget {
        let Self { metadata, spec } = self;
        Budget {
            name: metadata.name,
            selector: spec.selector,
            min_available: spec.min_available.map(|it| it.0),
            max_unavailable: spec.max_unavailable.map(|it| it.0),
            unhealthy_pod_eviction_policy: spec.unhealthy_pod_eviction_policy,
        }
    }
}
