//! Finds the Pod templates that Argo Rollouts refer to (`spec.workloadRef`) among the manifests.

use std::sync::Arc;

use rollgate_model::json::Value;
use rollgate_model::scenario::Scenario;
use rollgate_model::{Kind, TemplateChange, TemplateRef, Workload};

use super::manifests::Manifests;

/// The Deployments, ReplicaSets and PodTemplates among the manifests, if a Rollout refers to one.
pub(super) struct Templates {
    after: Vec<Value>,
    before: Vec<Value>,
    changes: Vec<TemplateChange>,
    scenario: Option<Arc<Scenario>>,
}

impl Templates {
    /// Collects them from the manifests before and after the change. What neither has may be in the
    /// scenario.
    pub(super) fn of(
        before: &Manifests,
        after: &Manifests,
        namespace: Option<&str>,
        scenario: Option<Arc<Scenario>>,
    ) -> Self {
        let refers = |manifests: &Manifests| {
            let mut workloads = manifests.workloads.iter();
            workloads.any(|it| {
                it.kind == Kind::Rollout && it.tree.pointer("/spec/workloadRef").is_some()
            })
        };
        let (mut templates, referred) = (Self::empty(scenario), refers(before) || refers(after));
        if referred {
            templates.before = objects(before);
            templates.after = objects(after);
            templates.changes = changes(&templates.before, &templates.after, namespace);
        }
        templates
    }

    const fn empty(scenario: Option<Arc<Scenario>>) -> Self {
        Self {
            after: Vec::new(),
            before: Vec::new(),
            changes: Vec::new(),
            scenario,
        }
    }

    /// Returns the objects that get another template.
    pub(super) fn changes(&self) -> &[TemplateChange] {
        &self.changes
    }

    /// Returns the Pod template that a Rollout refers to.
    pub(super) fn referred(&self, rollout: &Workload) -> Result<Value, String> {
        let reference = rollout.template_ref().ok_or("it names no object")?;
        reference.kind()?;
        let mut objects = self.after.iter().chain(&self.before);
        let object = objects.find(|object| reference.names(object));
        match (object, &self.scenario) {
            (Some(object), _) => reference.template_of(object),
            (None, Some(scenario)) => scenario.referred(reference),
            (None, None) => Err("it is not among the manifests; add its file".to_owned()),
        }
    }
}

fn objects(manifests: &Manifests) -> Vec<Value> {
    let workloads = manifests.workloads.iter();
    let deployments = workloads
        .filter(|it| it.kind == Kind::Deployment)
        .map(|it| &it.tree);
    deployments
        .chain(&manifests.templates)
        .map(Value::from)
        .collect()
}

fn changes(before: &[Value], after: &[Value], namespace: Option<&str>) -> Vec<TemplateChange> {
    if before.is_empty() {
        return Vec::new();
    }
    let change = |new: &Value| {
        let object = TemplateRef::of_object(new, namespace)?;
        let old = before.iter().find(|old| object.names(old));
        TemplateChange::of(old, new, namespace)
    };
    after.iter().filter_map(change).collect()
}
