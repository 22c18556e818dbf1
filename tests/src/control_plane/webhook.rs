//! A webhook that listens on this machine, registered by hand.

use anyhow::Result;
use k8s_openapi::ByteString;
use k8s_openapi::api::admissionregistration::v1::ValidatingWebhookConfiguration;
use k8s_openapi::api::core::v1::Service;
use kube::api::{Api, PostParams};
use serde_json::{Value, json};

use super::ControlPlane;

/// Where the API server finds a webhook, as it does in production: by a Service. That one leads to
/// this machine instead of to Pods.
#[derive(Clone, Copy, Debug)]
pub struct Webhook<'a> {
    /// The Service's namespace.
    pub namespace: &'a str,
    /// The Service's name; the webhook's certificate is for `SERVICE.NAMESPACE.svc`.
    pub service: &'a str,
    /// The port that is listened on.
    pub port: u16,
    /// Who signed the certificate, in PEM.
    pub ca: &'a str,
}

impl Webhook<'_> {
    /// Has the API server ask it about Deployments in the namespaces that `selector` selects, and go
    /// on where it gets no answer.
    ///
    /// # Errors
    /// The API server refuses the Service or the registration.
    pub async fn register(&self, plane: &ControlPlane, selector: Value) -> Result<()> {
        self.publish(plane).await?;
        let configuration: ValidatingWebhookConfiguration = serde_json::from_value(json!({
            "metadata": { "name": self.namespace },
            "webhooks": [{
                "name": format!("{}.rollgate.dev", self.namespace),
                "clientConfig": {
                    "service": {
                        "namespace": self.namespace,
                        "name": self.service,
                        "port": self.port,
                        "path": "/admit",
                    },
                    "caBundle": ByteString(self.ca.into()),
                },
                "rules": [{
                    "apiGroups": ["apps"],
                    "apiVersions": ["v1"],
                    "operations": ["CREATE", "UPDATE"],
                    "resources": ["deployments"],
                }],
                "namespaceSelector": selector,
                "failurePolicy": "Ignore",
                "timeoutSeconds": 5,
                "sideEffects": "NoneOnDryRun",
                "admissionReviewVersions": ["v1"],
            }],
        }))?;
        let configurations = Api::all(plane.client().await?);
        configurations
            .create(&PostParams::default(), &configuration)
            .await?;
        Ok(())
    }

    /// Makes the Service alone, for a webhook that registers itself.
    ///
    /// # Errors
    /// The API server refuses it.
    pub async fn publish(&self, plane: &ControlPlane) -> Result<()> {
        let service = serde_json::from_value(json!({
            "metadata": { "name": self.service },
            "spec": { "type": "ExternalName", "externalName": "localhost" },
        }))?;
        let services: Api<Service> = Api::namespaced(plane.client().await?, self.namespace);
        services.create(&PostParams::default(), &service).await?;
        Ok(())
    }
}
