//! The kinds that rollgate adds to a cluster, as custom resource definitions.
//!
//! A policy and a metric source have the same schema in a file and in the cluster: both are read by
//! the types of [`crate::config::policy_spec`] and [`crate::sources`]. What the API server can check by
//! itself of the rules beyond types is in [`rules`], so that it refuses a bad object at once.

mod metric_source;
mod policy;
mod rollout_override;
mod rules;
mod schema;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;

pub use metric_source::{MetricSource, SourceStatus};
pub use policy::{ClusterRolloutPolicy, ModuleStatus, PolicyStatus, RolloutPolicy};
pub use rollout_override::{OverrideSpec, OverrideStatus, RolloutOverride, Use, WorkloadRef};

/// The definitions of all kinds, as they are to be applied.
#[must_use]
pub fn definitions() -> [CustomResourceDefinition; 4] {
    [
        definition::<ClusterRolloutPolicy>(&rules::policy()),
        definition::<RolloutPolicy>(&rules::policy()),
        definition::<MetricSource>(&rules::metric_source()),
        definition::<RolloutOverride>(&rules::rollout_override()),
    ]
}

fn definition<K: CustomResourceExt>(rules: &rules::Rules) -> CustomResourceDefinition {
    let mut definition = K::crd();
    for version in &mut definition.spec.versions {
        if let Some(validation) = &mut version.schema {
            schema::tighten(validation, rules);
        }
    }
    definition
}
