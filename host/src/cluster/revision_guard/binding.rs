//! The bindings: of the guard to the whole cluster, and of a policy to the trial's ReplicaSet alone.

use std::collections::BTreeMap;

use k8s_openapi::api::admissionregistration::v1::{
    MatchResources, ValidatingAdmissionPolicyBinding, ValidatingAdmissionPolicyBindingSpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta, OwnerReference};
use kube::Client;
use kube::api::{Api, DeleteParams, PostParams};

use super::{Bindings, GuardError, failed, is_missing};
use crate::cluster::{Installation, ownership};

/// The label of the trial's ReplicaSet, whose value is the installation's name.
pub(super) const PROBE_LABEL: &str = "rollgate.dev/revisions-probe";

/// What becomes of a write that a policy refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Enforcement {
    /// It passes, with a warning and a mark in the audit log.
    Warn,
    /// It is refused.
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

/// Where a policy applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    Cluster,
    Probe,
}

/// The bindings of an installation, in the cluster.
pub(super) struct Bound<'a> {
    pub(super) client: &'a Client,
    pub(super) installation: &'a Installation,
}

impl Bound<'_> {
    /// How the guard is bound; `None` where it is not, or another policy is, or somebody has changed
    /// the binding.
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
            .find(|&as_is| spec.as_ref() == Some(&self.spec(policy, as_is, Reach::Cluster))))
    }

    /// Binds the guard to the whole cluster.
    pub(super) async fn bind(&self, policy: &str, as_is: Enforcement) -> Result<(), GuardError> {
        let spec = self.spec(policy, as_is, Reach::Cluster);
        self.write(&self.installation.guard_binding(), spec).await
    }

    /// Has a policy refuse the trial's ReplicaSet. Whichever did so before is replaced in one write, so
    /// that the API server never sees a moment without either.
    pub(super) async fn bind_probe(&self, policy: &str) -> Result<(), GuardError> {
        let spec = self.spec(policy, Enforcement::Deny, Reach::Probe);
        self.write(&self.installation.guard_probe(), spec).await
    }

    /// Ends a trial.
    pub(super) async fn unbind_probe(&self) -> Result<(), GuardError> {
        self.delete(&self.installation.guard_probe()).await
    }

    /// Takes the guard out of everybody's way.
    pub(super) async fn unbind(&self) -> Result<(), GuardError> {
        self.unbind_probe().await?;
        self.delete(&self.installation.guard_binding()).await
    }

    async fn delete(&self, name: &str) -> Result<(), GuardError> {
        // Reading first spares the audit log a deletion every few minutes.
        let existing = self.api().get_opt(name).await;
        match existing.map_err(failed("read a binding of the guard"))? {
            Some(existing) if self.is_anothers(&existing).is_none() => {}
            _ => return Ok(()),
        }
        let deleted = self.api().delete(name, &DeleteParams::default()).await;
        match deleted {
            Err(error) if !is_missing(&error) => {
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
        if let Some(namespace) = existing.as_ref().and_then(|found| self.is_anothers(found)) {
            let (name, namespace) = (name.to_owned(), namespace.to_owned());
            return Err(GuardError::Taken { name, namespace });
        }
        let owner = ownership::cluster_role(self.client, self.installation).await;
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

    /// The namespace of the installation whose it is, where that is not ours.
    fn is_anothers<'b>(&self, binding: &'b ValidatingAdmissionPolicyBinding) -> Option<&'b str> {
        let labels = binding.metadata.labels.as_ref()?;
        let namespace = labels.get(ownership::NAMESPACE)?.as_str();
        (namespace != self.installation.namespace).then_some(namespace)
    }

    fn binding(
        &self,
        name: &str,
        spec: ValidatingAdmissionPolicyBindingSpec,
        owner: Option<OwnerReference>,
    ) -> ValidatingAdmissionPolicyBinding {
        let mut labels = ownership::labels(self.installation);
        labels.insert(
            ownership::NAMESPACE.to_owned(),
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

    /// As the API server gives it back, with its defaults.
    fn spec(
        &self,
        policy: &str,
        as_is: Enforcement,
        reach: Reach,
    ) -> ValidatingAdmissionPolicyBindingSpec {
        let match_resources = (reach == Reach::Probe).then(|| MatchResources {
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
            validation_actions: as_is.actions(),
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
