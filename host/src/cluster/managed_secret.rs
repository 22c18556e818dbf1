//! A Secret that the replica with the Lease writes and every replica watches.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, ObjectMeta, PostParams};
use kube::{Client, Error};

use super::Installation;

/// A Secret in the installation's namespace, owned by its Deployment.
pub(super) struct ManagedSecret {
    pub(super) client: Client,
    pub(super) installation: Installation,
    pub(super) name: String,
}

/// The content of a Secret.
pub(super) trait Content {
    fn data(&self) -> BTreeMap<String, ByteString>;

    /// Sets the annotations that belong to the data, and keeps others.
    fn annotate(&self, annotations: &mut BTreeMap<String, String>);
}

/// Why a Secret cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("the API server refuses to {verb} the Secret {name}, or does not answer: {error}")]
pub(super) struct SecretError {
    verb: &'static str,
    name: String,
    pub(super) error: Error,
}

impl ManagedSecret {
    pub(super) async fn read(&self) -> Result<Option<Secret>, SecretError> {
        let read = self.api().get_opt(&self.name).await;
        read.map_err(|error| self.failed("read", error))
    }

    /// Replaces the version that was read; fails if it has changed meanwhile.
    pub(super) async fn write(
        &self,
        read: Option<Secret>,
        content: &impl Content,
    ) -> Result<Secret, SecretError> {
        let secret = self.secret(read, content).await?;
        let (api, parameters) = (self.api(), PostParams::default());
        let written = if secret.metadata.resource_version.is_some() {
            api.replace(&self.name, &parameters, &secret).await
        } else {
            api.create(&parameters, &secret).await
        };
        written.map_err(|error| self.failed("write", error))
    }

    async fn secret(
        &self,
        read: Option<Secret>,
        content: &impl Content,
    ) -> Result<Secret, SecretError> {
        let owner = self.installation.deployment_owner(&self.client).await;
        let owner = owner.map_err(|error| self.failed("find the owner of", error))?;
        let mut secret = read.unwrap_or_else(|| Secret {
            metadata: ObjectMeta {
                name: Some(self.name.clone()),
                labels: Some(self.installation.labels()),
                ..ObjectMeta::default()
            },
            type_: Some("Opaque".to_owned()),
            ..Secret::default()
        });
        secret.metadata.owner_references = owner.map(|owner| vec![owner]);
        content.annotate(secret.metadata.annotations.get_or_insert_default());
        secret.data = Some(content.data());
        Ok(secret)
    }

    fn failed(&self, verb: &'static str, error: Error) -> SecretError {
        SecretError {
            verb,
            name: self.name.clone(),
            error,
        }
    }

    fn api(&self) -> Api<Secret> {
        Api::namespaced(self.client.clone(), &self.installation.namespace)
    }
}

/// Returns the time in an annotation. One in the future comes from a clock that is ahead, and counts as
/// now.
pub(super) fn time(secret: &Secret, key: &str, now: Timestamp) -> Option<Timestamp> {
    let annotations = secret.metadata.annotations.as_ref()?;
    let time: Timestamp = annotations.get(key)?.parse().ok()?;
    Some(time.min(now))
}
