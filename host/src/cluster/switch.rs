//! The off switch: an annotation of the installation's Deployment, by which a person disables rollgate.
//! It outlives restarts of the replicas. `rollgate off` works whether or not replicas run.

use std::fmt::Debug;
use std::time::Duration;

use futures_util::{Stream, StreamExt as _};
use k8s_openapi::api::admissionregistration::v1::{
    ValidatingAdmissionPolicyBinding, ValidatingWebhookConfiguration,
};
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Api, DeleteParams, Patch, PatchParams};
use kube::{Client, Error, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::time::sleep;

use super::installation::{INSTALLATION_LABEL, Installation, NAMESPACE_LABEL};
use super::objects;

const ANNOTATION: &str = "rollgate.dev/gate";

/// The value that switches rollgate off.
const OFF: &str = "off";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Switch {
    On,
    /// Neither the webhook nor the guard of revisions denies anything.
    Off,
}

impl Switch {
    /// Reads the switch. It is on if there is no Deployment, as for a process that none started.
    pub(super) async fn read(client: &Client, installation: &Installation) -> Result<Self, Error> {
        let deployments = deployments(client, installation);
        let deployment = deployments.get_opt(&installation.name).await?;
        let off = deployment.is_some_and(|deployment| {
            let value = deployment.annotations().get(ANNOTATION);
            value.is_some_and(|value| value.eq_ignore_ascii_case(OFF))
        });
        Ok(if off { Self::Off } else { Self::On })
    }

    /// Sets the switch. Returns `false` if there is no Deployment.
    async fn set(self, client: &Client, installation: &Installation) -> Result<bool, Error> {
        let value = match self {
            Self::On => json!(null),
            Self::Off => json!(OFF),
        };
        let patch = Patch::Merge(json!({ "metadata": { "annotations": { ANNOTATION: value } } }));
        let deployments = deployments(client, installation);
        let name = &installation.name;
        match deployments
            .patch(name, &PatchParams::default(), &patch)
            .await
        {
            Ok(_) => Ok(true),
            Err(Error::Api(status)) if status.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Returns an item whenever the Deployment changes.
    pub(super) fn changes(
        client: &Client,
        installation: &Installation,
    ) -> impl Stream<Item = ()> + Send + use<> {
        let deployments = deployments(client, installation);
        objects::watch(deployments, installation.name.clone()).map(drop)
    }
}

fn deployments(client: &Client, installation: &Installation) -> Api<Deployment> {
    Api::namespaced(client.clone(), &installation.namespace)
}

/// How long a replica may take to see the switch.
const PROPAGATION: Duration = Duration::from_millis(500);

/// How often an object that a replica recreates is deleted again.
const MAX_DELETIONS: usize = 20;

/// Switches an installation off and on from outside.
pub(crate) struct OffSwitch {
    pub(crate) client: Client,
    pub(crate) installation: Installation,
}

/// Why an installation cannot be switched.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SwitchError {
    #[error("the API server refuses to {verb} {what}, or does not answer: {error}")]
    Api {
        verb: &'static str,
        what: String,
        error: Error,
    },
    #[error(
        "there is no Deployment {name} in the namespace {namespace}: name the installation by --namespace and --installation"
    )]
    Missing { name: String, namespace: String },
    #[error(
        "{what} is that of the installation in the namespace {namespace}: use --namespace {namespace}"
    )]
    Elsewhere { what: String, namespace: String },
    /// A replica ignores the switch.
    #[error(
        "{0} is put back again and again: a replica of an older version runs; scale its Deployment to 0, and try again"
    )]
    PutBack(String),
}

impl OffSwitch {
    /// Sets the switch and deletes the webhook and the guard of revisions; reports each step.
    ///
    /// # Errors
    /// If one of them cannot be deleted. What was done before stays; the next attempt continues.
    pub(crate) async fn off(&self, mut report: impl FnMut(&str)) -> Result<(), SwitchError> {
        let Installation { name, namespace } = &self.installation;
        let webhooks: Api<ValidatingWebhookConfiguration> = Api::all(self.client.clone());
        let bindings: Api<ValidatingAdmissionPolicyBinding> = Api::all(self.client.clone());
        let (binding, probe) = (
            self.installation.guard_binding(),
            self.installation.guard_probe(),
        );
        // Before anything is changed, in case the namespace is wrong.
        self.exists(&webhooks, name).await?;
        self.exists(&bindings, &binding).await?;
        if self.set(Switch::Off).await? {
            report(&format!(
                "Deployment {namespace}/{name} says {}=off: its replicas put nothing back",
                ANNOTATION
            ));
        } else {
            report(&format!(
                "no Deployment {namespace}/{name} is there to put anything back"
            ));
        }
        // A replica may delete them first, so the report says what is gone and not who deleted it.
        self.delete(&webhooks, name).await?;
        report(&format!("ValidatingWebhookConfiguration {name} is gone"));
        self.delete(&bindings, &probe).await?;
        self.delete(&bindings, &binding).await?;
        report(&format!(
            "ValidatingAdmissionPolicyBinding {binding} is gone"
        ));
        Ok(())
    }

    /// Sets the switch, so that replicas recreate both.
    ///
    /// # Errors
    /// If there is no such installation, or the API server refuses it.
    pub(crate) async fn on(&self) -> Result<(), SwitchError> {
        if self.set(Switch::On).await? {
            return Ok(());
        }
        let Installation { name, namespace } = self.installation.clone();
        Err(SwitchError::Missing { name, namespace })
    }

    async fn set(&self, switch: Switch) -> Result<bool, SwitchError> {
        let set = switch.set(&self.client, &self.installation).await;
        set.map_err(|error| SwitchError::Api {
            verb: "annotate",
            what: format!(
                "Deployment {}/{}",
                self.installation.namespace, self.installation.name
            ),
            error,
        })
    }

    /// Deletes an object until no replica recreates it.
    async fn delete<K>(&self, api: &Api<K>, name: &str) -> Result<(), SwitchError>
    where
        K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
    {
        let what = format!("{} {name}", K::kind(&()));
        if !self.exists(api, name).await? {
            return Ok(());
        }
        for _ in 0..MAX_DELETIONS {
            match api.delete(name, &DeleteParams::default()).await {
                Err(Error::Api(status)) if status.is_not_found() => {}
                done => {
                    done.map_err(failed("delete", &what))?;
                }
            }
            sleep(PROPAGATION).await;
            if !self.exists(api, name).await? {
                return Ok(());
            }
        }
        Err(SwitchError::PutBack(what))
    }

    /// Returns whether an object of this installation exists. An object of somebody else may have the same
    /// name.
    ///
    /// # Errors
    /// If it belongs to another installation of rollgate.
    async fn exists<K>(&self, api: &Api<K>, name: &str) -> Result<bool, SwitchError>
    where
        K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
    {
        let what = format!("{} {name}", K::kind(&()));
        let found = api.get_opt(name).await.map_err(failed("read", &what))?;
        let Some(found) = found else {
            return Ok(false);
        };
        if !found.labels().contains_key(INSTALLATION_LABEL) {
            return Ok(false);
        }
        match found.labels().get(NAMESPACE_LABEL) {
            Some(namespace) if *namespace != self.installation.namespace => {
                let namespace = namespace.clone();
                Err(SwitchError::Elsewhere { what, namespace })
            }
            _ => Ok(true),
        }
    }
}

fn failed(verb: &'static str, what: &str) -> impl Fn(Error) -> SwitchError {
    move |error| SwitchError::Api {
        verb,
        what: what.to_owned(),
        error,
    }
}
