//! `serve --cluster` in front of one namespace of a real control plane.

use std::path::Path;

use anyhow::Result;
use serde_json::json;

use crate::balancer::Balancer;
use crate::control_plane::{ControlPlane, Webhook, wait_for};
use crate::files::Files;
use crate::server::Serve;

/// rollgate in front of one namespace, for as long as it lives.
#[derive(Debug)]
pub struct Gate {
    _files: Files,
    _server: Serve,
    _balancer: Balancer,
}

impl Gate {
    /// Starts it with these policies, which must stop the creation of a Deployment, and as an
    /// administrator; waits until the API server asks it.
    ///
    /// # Errors
    /// The API server refuses something, or never asks.
    pub async fn start(plane: &ControlPlane, shop: &str, policies: &str) -> Result<Self> {
        Self::start_as(plane, shop, policies, &plane.kubeconfig()).await
    }

    /// The same as another user.
    ///
    /// # Errors
    /// As there.
    pub async fn start_as(
        plane: &ControlPlane,
        shop: &str,
        policies: &str,
        kubeconfig: &Path,
    ) -> Result<Self> {
        let system = plane.namespace("gate").await?;
        let files = Files::named(&format!("gate.{system}.svc"));
        files.policy(policies);
        let kubeconfig = kubeconfig.display().to_string();
        let cluster = [
            "--cluster",
            "--kubeconfig",
            &kubeconfig,
            "--namespace",
            &system,
        ];
        let server = files.serve(&cluster);
        server.ready().await;
        let balancer = Balancer::start(&[&server]);
        let webhook = Webhook {
            namespace: &system,
            service: "gate",
            port: balancer.address.port(),
            ca: &files.authority.pem,
        };
        let selector = json!({ "matchLabels": { "kubernetes.io/metadata.name": shop } });
        webhook.register(plane, selector).await?;
        let create = ["create", "deployment", "is-anybody-there", "--image=app:1"];
        let create = || {
            plane
                .kubectl(create)
                .args(["--dry-run=server", "--namespace", shop])
        };
        wait_for("the API server to ask", async || {
            Ok(create().refused().await.ok())
        })
        .await?;
        Ok(Self {
            _files: files,
            _server: server,
            _balancer: balancer,
        })
    }
}
