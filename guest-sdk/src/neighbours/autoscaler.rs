//! HorizontalPodAutoscalers, and ScaledObjects of KEDA.

use super::Neighbour;
use super::fields::Metadata;
use serde::Deserialize;

/// What sets the number of replicas of a workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Autoscaler {
    /// What it is.
    pub kind: AutoscalerKind,
    /// `metadata.name`.
    pub name: String,
    /// The kind of the workload that it scales.
    pub target_kind: String,
    /// The name of the workload that it scales.
    pub target_name: String,
    /// The fewest replicas: 1 where a HorizontalPodAutoscaler names none, 0 where a ScaledObject
    /// names none.
    pub min_replicas: i32,
    /// The most replicas.
    pub max_replicas: i32,
}

/// The kinds of autoscalers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AutoscalerKind {
    /// `autoscaling/v2`.
    HorizontalPodAutoscaler,
    /// `keda.sh/v1alpha1`.
    ScaledObject,
}

impl AutoscalerKind {
    /// Returns the name of the kind.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HorizontalPodAutoscaler => "HorizontalPodAutoscaler",
            Self::ScaledObject => "ScaledObject",
        }
    }
}

impl Autoscaler {
    /// Returns whether it scales the workload with this kind and name. The version of the API that
    /// it names does not matter.
    #[must_use]
    pub fn targets(&self, kind: &str, name: &str) -> bool {
        self.target_kind == kind && self.target_name == name
    }
}

#[derive(Deserialize)]
pub(super) struct Hpa {
    metadata: Metadata,
    spec: HpaSpec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HpaSpec {
    scale_target_ref: Target,
    min_replicas: Option<i32>,
    max_replicas: i32,
}

#[derive(Deserialize)]
pub(super) struct ScaledObject {
    metadata: Metadata,
    spec: ScaledObjectSpec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ScaledObjectSpec {
    scale_target_ref: Target,
    min_replica_count: Option<i32>,
    max_replica_count: Option<i32>,
}

#[derive(Deserialize)]
struct Target {
    kind: Option<String>,
    name: String,
}

impl Target {
    /// Returns kind and name. KEDA's kind is Deployment where none is named.
    fn parts(self) -> (String, String) {
        let kind = self.kind.unwrap_or_else(|| "Deployment".to_owned());
        (kind, self.name)
    }
}

impl Neighbour<Autoscaler> for Hpa {
    fn namespace(&self) -> &str {
        &self.metadata.namespace
    }

    fn into_neighbour(self) -> Autoscaler {
        let (target_kind, target_name) = self.spec.scale_target_ref.parts();
        Autoscaler {
            kind: AutoscalerKind::HorizontalPodAutoscaler,
            name: self.metadata.name,
            target_kind,
            target_name,
            min_replicas: self.spec.min_replicas.unwrap_or(1),
            max_replicas: self.spec.max_replicas,
        }
    }
}

impl Neighbour<Autoscaler> for ScaledObject {
    fn namespace(&self) -> &str {
        &self.metadata.namespace
    }

    fn into_neighbour(self) -> Autoscaler {
        let (target_kind, target_name) = self.spec.scale_target_ref.parts();
        Autoscaler {
            kind: AutoscalerKind::ScaledObject,
            name: self.metadata.name,
            target_kind,
            target_name,
            min_replicas: self.spec.min_replica_count.unwrap_or(0),
            max_replicas: self.spec.max_replica_count.unwrap_or(100),
        }
    }
}
