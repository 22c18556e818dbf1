//! `make cluster`: a control plane for a person, with rollgate in it, until Ctrl-C.

use std::path::Path;

use anyhow::{Context as _, Result};
use rollgate_tests::balancer::Balancer;
use rollgate_tests::control_plane::{ControlPlane, Webhook};
use rollgate_tests::files::Files;
use rollgate_tests::server::Serve;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

/// Where rollgate runs, as far as the cluster knows.
const NAMESPACE: &str = "rollgate-system";

#[tokio::main]
async fn main() -> Result<()> {
    // Heard from here on, so that an early Ctrl-C cleans up as well.
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        done = run() => done,
        interrupt = tokio::signal::ctrl_c() => Ok(interrupt?),
        _ = terminate.recv() => Ok(()),
    }
}

async fn run() -> Result<()> {
    eprintln!("starting a control plane ...");
    let plane = ControlPlane::start().await?;
    plane.kubectl(["create", "namespace", "shop"]).ok().await?;
    let _rollgate = Rollgate::install(&plane).await?;
    println!("{}", welcome(&plane));
    std::future::pending().await
}

/// rollgate, for as long as this is kept.
struct Rollgate {
    _files: Files,
    _server: Serve,
    _balancer: Balancer,
}

impl Rollgate {
    /// Runs rollgate with the demo's policies, and has the API server ask it about Deployments.
    async fn install(plane: &ControlPlane) -> Result<Self> {
        plane
            .kubectl(["create", "namespace", NAMESPACE])
            .ok()
            .await?;
        let files = Files::named(&format!("rollgate.{NAMESPACE}.svc"));
        let policies = examples("policies")?;
        let server = files.serve(&["--policies", &policies]);
        server.ready().await;
        let balancer = Balancer::start(&[&server]);
        let webhook = Webhook {
            namespace: NAMESPACE,
            service: "rollgate",
            port: balancer.address.port(),
            ca: &files.authority.pem,
        };
        let selector = json!({ "matchExpressions": [{
            "key": "kubernetes.io/metadata.name",
            "operator": "NotIn",
            "values": ["kube-system", NAMESPACE],
        }]});
        webhook.register(plane, selector).await?;
        Ok(Self {
            _files: files,
            _server: server,
            _balancer: balancer,
        })
    }
}

fn welcome(plane: &ControlPlane) -> String {
    format!(
        "
A Kubernetes cluster runs here, and rollgate is asked about every Deployment. In another terminal:

  export KUBECONFIG={kubeconfig}
  export PATH={programs}:$PATH

  kubectl apply -f examples/demo/manifests/search.yaml       # denied: no readinessProbe, no fixed version
  kubectl apply -f examples/demo/manifests/catalog.yaml      # let through
  kubectl rollout status -n shop deployment/catalog          # its Pods are simulated
  kubectl set image -n shop deployment/catalog server=registry.example.com/catalog:latest

Ctrl-C stops it all and leaves nothing behind.",
        kubeconfig = plane.kubeconfig().display(),
        programs = plane.programs().display(),
    )
}

/// The path of something of the demo.
fn examples(name: &str) -> Result<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../examples/demo")
        .join(name);
    let path = path
        .canonicalize()
        .with_context(|| format!("no {}", path.display()))?;
    path.into_os_string()
        .into_string()
        .ok()
        .context("the path is no UTF-8")
}
