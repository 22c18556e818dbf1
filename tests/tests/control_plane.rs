//! The control plane of the other tests: that it is one, and that nothing of it stays behind.

use std::path::PathBuf;

use rollgate_tests::control_plane::ControlPlane;

/// A Deployment of three Pods.
const CART: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart}
spec:
  replicas: 3
  selector: {matchLabels: {app: cart}}
  template:
    metadata: {labels: {app: cart}}
    spec:
      containers: [{name: main, image: 'cart:1'}]
";

#[tokio::test]
#[ignore = "make test"]
async fn a_deployment_becomes_available() -> anyhow::Result<()> {
    let plane = ControlPlane::shared().await;
    let shop = plane.namespace("shop").await?;
    plane
        .kubectl(["apply", "--namespace", &shop, "--filename=-"])
        .input(CART)
        .ok()
        .await?;
    let status = ["rollout", "status", "deployment/cart", "--namespace", &shop];
    let said = plane.kubectl(status).arg("--timeout=60s").ok().await?;
    assert!(said.ends_with("successfully rolled out\n"), "{said}");
    Ok(())
}

#[tokio::test]
#[ignore = "make test"]
async fn it_ends_with_what_started_it_and_leaves_no_files() -> anyhow::Result<()> {
    let plane = ControlPlane::start().await?;
    let processes = plane.processes().await;
    let folder = plane.kubeconfig().parent().map(PathBuf::from);
    let folder = folder.expect("it is a file of the control plane");
    assert_eq!(processes.len(), 5);
    drop(plane);
    let left = processes
        .iter()
        .map(|id| PathBuf::from(format!("/proc/{id}")));
    assert_eq!(
        left.filter(|path| path.exists()).collect::<Vec<_>>(),
        Vec::<PathBuf>::new()
    );
    assert!(!folder.exists());
    Ok(())
}
