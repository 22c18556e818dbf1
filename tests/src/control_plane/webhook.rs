//! A webhook that listens on this machine, registered by hand.

use anyhow::Result;
use k8s_openapi::ByteString;
use k8s_openapi::api::admissionregistration::v1::ValidatingWebhookConfiguration;
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
    /// Where it answers reviews.
    pub path: &'a str,
    /// Who signed the certificate, in PEM.
    pub ca: &'a str,
}

impl Webhook<'_> {
    /// Has the API server ask it about workloads and Services in the namespaces that `selector`
    /// selects, and refuse them where it gets no answer.
    ///
    /// # Errors
    /// The API server refuses the Service or the registration.
    pub async fn register(&self, plane: &ControlPlane, selector: Value) -> Result<()> {
        plane.service_to_here(self.namespace, self.service).await?;
        let rule = |group: &str, resources: &[&str]| {
            json!({
                "apiGroups": [group],
                "apiVersions": ["*"],
                "operations": ["CREATE", "UPDATE", "DELETE"],
                "resources": resources,
            })
        };
        let configuration: ValidatingWebhookConfiguration = serde_json::from_value(json!({
            "metadata": { "name": self.namespace },
            "webhooks": [{
                "name": format!("{}.rollgate.dev", self.namespace),
                "clientConfig": {
                    "service": {
                        "namespace": self.namespace,
                        "name": self.service,
                        "port": self.port,
                        "path": self.path,
                    },
                    "caBundle": ByteString(self.ca.into()),
                },
                "rules": [
                    rule("apps", &["deployments", "statefulsets", "daemonsets"]),
                    rule("argoproj.io", &["rollouts"]),
                    rule("", &["services"]),
                ],
                "namespaceSelector": selector,
                "failurePolicy": "Fail",
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
}
