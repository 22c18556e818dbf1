//! How a replica comes to accept what stands in the Secret.

use futures_util::{StreamExt as _, pin_mut};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use kube::Client;
use kube::api::Api;

use super::stored::Stored;
use crate::cluster::{Installation, watching};
use crate::server::PathSecrets;

/// Accepts what stands in the Secret; for every replica.
pub struct PathFollower {
    /// A client for watches.
    pub client: Client,
    /// Whose Secret it is.
    pub installation: Installation,
    /// What is accepted.
    pub secrets: PathSecrets,
}

impl PathFollower {
    /// Follows the Secret for ever. One that was deleted or damaged changes nothing.
    pub async fn run(self) {
        let api: Api<Secret> = Api::namespaced(self.client.clone(), &self.installation.namespace);
        let secrets = watching::object(api, self.installation.webhook_path());
        pin_mut!(secrets);
        while let Some(secret) = secrets.next().await {
            let Some(secret) = secret else {
                continue;
            };
            match Stored::read(&secret, Timestamp::now()).0 {
                Some(stored) => self.secrets.replace(stored.accepted()),
                None => tracing::warn!(
                    "the Secret has no secret path that can be used; what was accepted stays"
                ),
            }
        }
    }
}
