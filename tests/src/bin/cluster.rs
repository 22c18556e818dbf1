//! `make cluster`: a control plane for a person, with rollgate installed in it, until Ctrl-C.

use std::path::Path;

use anyhow::{Context as _, Result};
use rollgate_tests::control_plane::ControlPlane;
use rollgate_tests::installation::{Installation, asked_for, guard_argument};
use tokio::signal::unix::{SignalKind, signal};

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
    eprintln!("starting Argo Rollouts ...");
    let _argo = plane.start_argo_rollouts().await?;
    eprintln!("installing rollgate, with two replicas ...");
    let _rollgate = install(&plane).await?;
    println!("{}", welcome(&plane));
    std::future::pending().await
}

/// Installs rollgate by its manifests, with the policies of the demo, and waits until the API server
/// asks it.
async fn install(plane: &ControlPlane) -> Result<Installation<'_>> {
    let modules = path("first-policy/target/wasm32-unknown-unknown/release")?;
    let arguments = [format!("--modules={modules}"), guard_argument()?];
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let rollgate = Installation::new(plane, 2, &arguments).await?;
    let policies = path("demo/cluster/policies.yaml")?;
    let apply = plane.kubectl(["apply", "--filename", &policies]);
    apply.ok().await?;
    let registered = rollgate.registered(|registered| !asked_for(registered).is_empty());
    registered.await?;
    rollgate.guarded().await?;
    Ok(rollgate)
}

fn welcome(plane: &ControlPlane) -> String {
    format!(
        "
A Kubernetes cluster runs here, and rollgate is asked about rollouts. In another terminal:

  export KUBECONFIG={kubeconfig}
  export PATH={programs}:$PATH
  cd examples/demo

  kubectl get rollgate                                 # its policies, and their status
  kubectl apply -f manifests/search.yaml               # denied: no readinessProbe, no fixed version
  kubectl apply -f manifests/catalog.yaml              # let through; its Pods are simulated
  kubectl set image -n shop deployment/catalog server=registry.example.com/catalog:2.5.0
  kubectl rollout status -n shop deployment/catalog

  kubectl apply -f cluster/freeze.yaml                 # nothing new goes ...
  kubectl wait --for=condition=Ready clusterrolloutpolicy/freeze
  kubectl set image -n shop deployment/catalog server=registry.example.com/catalog:2.6.0
  kubectl rollout undo -n shop deployment/catalog      # ... but going back does
  kubectl apply -f cluster/override.yaml               # one new template may pass, once
  kubectl set image -n shop deployment/catalog server=registry.example.com/catalog:2.6.0
  kubectl set image -n shop deployment/catalog server=registry.example.com/catalog:2.7.0
  kubectl get events -n shop                           # what rollgate said
  kubectl argo rollouts version                        # its controller runs here too

Ctrl-C stops it all and leaves nothing behind.",
        kubeconfig = plane.kubeconfig().display(),
        programs = plane.programs().display(),
    )
}

/// The path of something among the examples.
fn path(name: &str) -> Result<String> {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let path = examples.join(name);
    let path = path
        .canonicalize()
        .with_context(|| format!("{} is missing: make example", path.display()))?;
    let path = path.into_os_string().into_string();
    path.ok().context("the path to here is no UTF-8")
}
