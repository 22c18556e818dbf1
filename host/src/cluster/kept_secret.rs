//! A Secret that the holder of the Lease writes and every replica follows.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, ObjectMeta, PostParams};
use kube::{Client, Error};

use super::{Installation, ownership};

/// A Secret in the installation's namespace. It goes with the Deployment.
pub(super) struct KeptSecret {
    pub(super) client: Client,
    pub(super) installation: Installation,
    pub(super) name: String,
}

/// What is to stand in it.
pub(super) trait Content {
    /// The data, all of it.
    fn data(&self) -> BTreeMap<String, ByteString>;

    /// Puts the annotations that belong to the data among those that are there.
    fn annotate(&self, annotations: &mut BTreeMap<String, String>);
}

/// Why it is not as it should be.
#[derive(Debug, thiserror::Error)]
#[error("the API server refuses to {verb} the Secret {name}, or does not answer: {error}")]
pub(super) struct SecretError {
    /// What was tried.
    verb: &'static str,
    /// The Secret.
    name: String,
    /// Why not.
    pub(super) error: Error,
}

impl KeptSecret {
    pub(super) async fn read(&self) -> Result<Option<Secret>, SecretError> {
        let read = self.api().get_opt(&self.name).await;
        read.map_err(|error| self.failed("read", error))
    }

    /// Writes over what was read, and over nothing else.
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
        let owner = ownership::deployment(&self.client, &self.installation).await;
        let owner = owner.map_err(|error| self.failed("find the owner of", error))?;
        let mut secret = read.unwrap_or_else(|| Secret {
            metadata: ObjectMeta {
                name: Some(self.name.clone()),
                labels: Some(ownership::labels(&self.installation)),
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

/// A moment in an annotation. One that lies ahead was written by a clock that is ahead.
pub(super) fn moment(secret: &Secret, key: &str, now: Timestamp) -> Option<Timestamp> {
    let annotations = secret.metadata.annotations.as_ref()?;
    let moment: Timestamp = annotations.get(key)?.parse().ok()?;
    Some(moment.min(now))
}
