//! The bindings: of the guard to the whole cluster, and of a policy to the ReplicaSet of the probe.

use std::collections::BTreeMap;

use k8s_openapi::api::admissionregistration::v1::{
    MatchResources, ValidatingAdmissionPolicyBinding, ValidatingAdmissionPolicyBindingSpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta, OwnerReference};
use kube::Client;
use kube::api::{Api, DeleteParams, PostParams};

use super::{Bindings, GuardError, failed, is_not_found};
use crate::cluster::installation::{Installation, NAMESPACE_LABEL};

/// The label of the probe's ReplicaSet; its value is the installation's name.
pub(super) const PROBE_LABEL: &str = "rollgate.dev/revisions-probe";

/// What the API server does with a write that a policy denies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Enforcement {
    /// Allows it, with a warning and an audit annotation.
    Warn,
    /// Refuses it.
    Deny,
}

impl Enforcement {
    fn actions(self) -> Vec<String> {
        let actions: &[&str] = match self {
            Self::Warn => &["Warn", "Audit"],
            Self::Deny => &["Deny"],
        };
        actions.iter().map(ToString::to_string).collect()
    }
}

/// Where a binding applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BindingScope {
    Cluster,
    Probe,
}

/// The bindings of an installation.
pub(super) struct GuardBindings<'a> {
    pub(super) client: &'a Client,
    pub(super) installation: &'a Installation,
}

impl GuardBindings<'_> {
    /// Returns how the guard is bound; `None` if it is not bound, another policy is, or somebody has
    /// changed the binding.
    pub(super) async fn enforcement(
        &self,
        policy: &str,
    ) -> Result<Option<Enforcement>, GuardError> {
        let name = self.installation.guard_binding();
        let read = self.api().get_opt(&name).await;
        let read = read.map_err(failed("read the binding of the guard"))?;
        let spec = read.map(|binding| binding.spec);
        Ok([Enforcement::Warn, Enforcement::Deny]
            .into_iter()
            .find(|&enforcement| {
                spec.as_ref() == Some(&self.spec(policy, enforcement, BindingScope::Cluster))
            }))
    }

    /// Binds the guard to the whole cluster.
    pub(super) async fn bind(
        &self,
        policy: &str,
        enforcement: Enforcement,
    ) -> Result<(), GuardError> {
        let spec = self.spec(policy, enforcement, BindingScope::Cluster);
        self.write(&self.installation.guard_binding(), spec).await
    }

    /// Binds a policy to the probe's ReplicaSet alone. One write replaces the policy bound before, so
    /// that the ReplicaSet is never without a policy.
    pub(super) async fn bind_probe(&self, policy: &str) -> Result<(), GuardError> {
        let spec = self.spec(policy, Enforcement::Deny, BindingScope::Probe);
        self.write(&self.installation.guard_probe(), spec).await
    }

    /// Ends a probe.
    pub(super) async fn unbind_probe(&self) -> Result<(), GuardError> {
        self.delete(&self.installation.guard_probe()).await
    }

    /// Deletes all bindings.
    pub(super) async fn unbind(&self) -> Result<(), GuardError> {
        self.unbind_probe().await?;
        self.delete(&self.installation.guard_binding()).await
    }

    async fn delete(&self, name: &str) -> Result<(), GuardError> {
        // Reading first keeps a deletion every few minutes out of the audit log.
        let existing = self.api().get_opt(name).await;
        match existing.map_err(failed("read a binding of the guard"))? {
            Some(existing) if self.other_namespace(&existing).is_none() => {}
            _ => return Ok(()),
        }
        let deleted = self.api().delete(name, &DeleteParams::default()).await;
        match deleted {
            Err(error) if !is_not_found(&error) => {
                Err(failed("delete a binding of the guard")(error))
            }
            _ => Ok(()),
        }
    }

    async fn write(
        &self,
        name: &str,
        spec: ValidatingAdmissionPolicyBindingSpec,
    ) -> Result<(), GuardError> {
        let api = self.api();
        let existing = api.get_opt(name).await;
        let existing = existing.map_err(failed("read a binding of the guard"))?;
        if let Some(namespace) = existing
            .as_ref()
            .and_then(|found| self.other_namespace(found))
        {
            let (name, namespace) = (name.to_owned(), namespace.to_owned());
            return Err(GuardError::Taken { name, namespace });
        }
        let owner = self.installation.cluster_role_owner(self.client).await;
        let owner = owner.map_err(failed("read the ClusterRole, which owns the binding"))?;
        let parameters = PostParams::default();
        let written = match existing {
            Some(existing) if existing.spec == spec => return Ok(()),
            Some(mut existing) => {
                existing.spec = spec;
                api.replace(name, &parameters, &existing).await
            }
            None => {
                let binding = self.binding(name, spec, owner);
                api.create(&parameters, &binding).await
            }
        };
        let written = written.map_err(failed("write a binding of the guard"))?;
        let actions = written.spec.validation_actions;
        tracing::info!(binding = name, ?actions, "the guard of revisions is bound");
        Ok(())
    }

    /// Returns the namespace of the installation that a binding belongs to, if it is another one.
    fn other_namespace<'b>(
        &self,
        binding: &'b ValidatingAdmissionPolicyBinding,
    ) -> Option<&'b str> {
        let labels = binding.metadata.labels.as_ref()?;
        let namespace = labels.get(NAMESPACE_LABEL)?.as_str();
        (namespace != self.installation.namespace).then_some(namespace)
    }

    fn binding(
        &self,
        name: &str,
        spec: ValidatingAdmissionPolicyBindingSpec,
        owner: Option<OwnerReference>,
    ) -> ValidatingAdmissionPolicyBinding {
        let mut labels = self.installation.labels();
        labels.insert(
            NAMESPACE_LABEL.to_owned(),
            self.installation.namespace.clone(),
        );
        ValidatingAdmissionPolicyBinding {
            metadata: ObjectMeta {
                name: Some(name.to_owned()),
                labels: Some(labels),
                owner_references: owner.map(|owner| vec![owner]),
                ..ObjectMeta::default()
            },
            spec,
        }
    }

    /// Returns a spec as the API server returns it, with all defaults.
    fn spec(
        &self,
        policy: &str,
        enforcement: Enforcement,
        scope: BindingScope,
    ) -> ValidatingAdmissionPolicyBindingSpec {
        let match_resources = (scope == BindingScope::Probe).then(|| MatchResources {
            match_policy: Some("Equivalent".to_owned()),
            namespace_selector: Some(only(
                "kubernetes.io/metadata.name",
                &self.installation.namespace,
            )),
            object_selector: Some(only(PROBE_LABEL, &self.installation.name)),
            ..MatchResources::default()
        });
        ValidatingAdmissionPolicyBindingSpec {
            policy_name: policy.to_owned(),
            validation_actions: enforcement.actions(),
            match_resources,
            param_ref: None,
        }
    }

    fn api(&self) -> Bindings {
        Api::all(self.client.clone())
    }
}

fn only(key: &str, value: &str) -> LabelSelector {
    LabelSelector {
        match_labels: Some(BTreeMap::from([(key.to_owned(), value.to_owned())])),
        match_expressions: None,
    }
}
