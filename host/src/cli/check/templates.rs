//! Finds the Pod templates that Argo Rollouts refer to (`spec.workloadRef`) among the manifests.

use std::sync::Arc;

use rollgate_model::scenario::Scenario;
use rollgate_model::{Kind, Workload};
use serde_json::Value;

use super::manifests::Manifests;
use super::pairs::Before;

/// The Deployments, ReplicaSets and PodTemplates among the manifests, if a Rollout refers to one.
pub(super) struct Templates {
    objects: Vec<Value>,
    scenario: Option<Arc<Scenario>>,
}

impl Templates {
    /// Collects them from the manifests, then from those before the change. What neither has may be in
    /// the scenario.
    pub(super) fn of(
        manifests: &Manifests,
        before: &Before,
        scenario: Option<Arc<Scenario>>,
    ) -> Self {
        let workloads = || manifests.workloads.iter().chain(before.manifests());
        let refers = |tree: &Value| tree.pointer("/spec/workloadRef").is_some();
        let referred = workloads().any(|it| it.kind == Kind::Rollout && refers(&it.tree));
        let deployments = workloads()
            .filter(|it| referred && it.kind == Kind::Deployment)
            .map(|it| it.tree.clone());
        Self {
            objects: deployments
                .chain(manifests.templates.iter().cloned())
                .collect(),
            scenario,
        }
    }

    /// Returns the Pod template that a Rollout refers to.
    pub(super) fn referred(&self, rollout: &Workload) -> Result<Value, String> {
        let reference = rollout.template_ref().ok_or("it names no object")?;
        reference.kind()?;
        let object = self.objects.iter().find(|object| reference.names(object));
        match (object, &self.scenario) {
            (Some(object), _) => reference.template_of(object),
            (None, Some(scenario)) => scenario.referred(reference),
            (None, None) => Err("it is not among the manifests; add its file".to_owned()),
        }
    }
}
