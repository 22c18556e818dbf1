//! `rollgate check --cluster` on a real control plane: would what runs be allowed to roll now?

use std::path::Path;
use std::process::Command;

use anyhow::Result;
use rollgate_tests::control_plane::ControlPlane;
use rollgate_tests::guarded::Guarded;
use rollgate_tests::server::binary;
use serde_json::{Value, json};
use tempfile::TempDir;

const FREEZE: &str = "
apiVersion: rollgate.dev/v1alpha1
kind: ClusterRolloutPolicy
metadata: {name: freeze}
spec:
  module: {builtin: time-window}
  match: {labels: {matchLabels: {}, matchExpressions: [{key: app, operator: NotIn, values: [free]}]}}
  settings:
    timeZone: UTC
    deny: [{reason: the shop is busy, span: {start: 2020-01-01T00:00, end: 2090-01-01T00:00}}]
";

async fn run(plane: &ControlPlane, shop: &str, name: &str) -> Result<()> {
    let create = ["create", "deployment", name, "--image=app:1"];
    let create = plane.kubectl(create).args(["--namespace", shop]);
    create.ok().await?;
    Ok(())
}

/// The report for programs, and the exit code.
async fn check(kubeconfig: &Path, shop: &str, more: &[&str]) -> Result<(Value, i32)> {
    let mut command = Command::new(binary());
    command
        .args([
            "check",
            "--cluster",
            "-o",
            "json",
            "-n",
            shop,
            "--kubeconfig",
        ])
        .arg(kubeconfig)
        .args(more);
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    let report = serde_json::from_slice(&output.stdout)
        .map_err(|error| anyhow::anyhow!("{error}: {}", String::from_utf8_lossy(&output.stderr)))?;
    Ok((report, output.status.code().unwrap_or(-1)))
}

#[tokio::test]
#[ignore = "make test"]
async fn dry_run_asks_the_rollgate_of_the_cluster_and_writes_nothing() -> Result<()> {
    let plane = ControlPlane::shared().await;
    let shop = plane.namespace("shop").await?;
    run(plane, &shop, "cart").await?;
    run(plane, &shop, "free").await?;
    let _guarded = Guarded::over(&shop, FREEZE).await?;
    let template = ["get", "deployments", "--namespace", &shop, "--output"];
    let template = || plane.kubectl(template).arg("jsonpath={.items[*].spec}");
    let before = template().ok().await?;
    let (report, exit) = check(&plane.kubeconfig(), &shop, &[]).await?;
    assert_eq!(exit, 1, "{report}");
    let summary = &report["summary"];
    let numbers = ["workloads", "mayGo", "held", "notJudged"].map(|field| summary[field].as_u64());
    assert_eq!(numbers, [Some(2), Some(1), Some(1), Some(0)], "{report}");
    let [cart, free] = [&report["workloads"][0], &report["workloads"][1]];
    assert_eq!(
        (&cart["name"], &cart["result"]),
        (&json!("cart"), &json!("held"))
    );
    let message = cart["message"].as_str().unwrap_or_default();
    assert!(
        message.starts_with("roll-forward of Deployment"),
        "{message}"
    );
    assert!(message.contains("the shop is busy"), "{message}");
    let until = cart["heldUntil"].as_str().unwrap_or_default();
    assert!(
        until.starts_with("2089-12-31T23:59") || until.starts_with("2090-01-01T00:00"),
        "{until}"
    );
    assert_eq!(
        (&free["name"], &free["result"]),
        (&json!("free"), &json!("may-go"))
    );
    assert_eq!(template().ok().await?, before);
    Ok(())
}

#[tokio::test]
#[ignore = "make test"]
async fn given_policies_are_evaluated_for_what_runs() -> Result<()> {
    let plane = ControlPlane::shared().await;
    let shop = plane.namespace("shop").await?;
    run(plane, &shop, "cart").await?;
    let folder = TempDir::new()?;
    let policies = folder.path().join("freeze.yaml");
    std::fs::write(&policies, FREEZE)?;
    let policies = ["--policies", policies.to_str().expect("UTF-8")];
    let (report, exit) = check(&plane.kubeconfig(), &shop, &policies).await?;
    assert_eq!(exit, 1, "{report}");
    let cart = &report["workloads"][0];
    assert_eq!(
        (&cart["change"], &cart["result"]),
        (&json!("roll-forward"), &json!("held")),
        "{report}"
    );
    Ok(())
}

#[tokio::test]
#[ignore = "make test"]
async fn viewer_is_told_that_policies_need_no_more_rights() -> Result<()> {
    let plane = ControlPlane::shared().await;
    let shop = plane.namespace("shop").await?;
    run(plane, &shop, "cart").await?;
    let viewer = plane.user("only-looks", &[])?;
    let bind = [
        "create",
        "rolebinding",
        "looks",
        "--clusterrole=view",
        "--user=only-looks",
    ];
    plane
        .kubectl(bind)
        .args(["--namespace", &shop])
        .ok()
        .await?;
    let (report, exit) = check(&viewer, &shop, &[]).await?;
    assert_eq!(exit, 2, "{report}");
    let cart = &report["workloads"][0];
    assert_eq!(cart["result"], "not-judged");
    let message = cart["message"].as_str().unwrap_or_default();
    assert!(
        message.contains("cannot patch resource \"deployments\""),
        "{message}"
    );
    assert!(
        message.ends_with("--policies evaluates without it"),
        "{message}"
    );
    Ok(())
}

#[tokio::test]
#[ignore = "make test"]
async fn kubectl_plugin_shows_its_own_usage() -> Result<()> {
    let plane = ControlPlane::shared().await;
    let folder = TempDir::new()?;
    std::os::unix::fs::symlink(binary(), folder.path().join("kubectl-rollgate"))?;
    let help = plane.kubectl(["rollgate", "check", "--help"]);
    let help = help.env("PATH", folder.path()).ok().await?;
    assert!(help.contains("Usage: kubectl rollgate check"), "{help}");
    Ok(())
}

#[tokio::test]
#[ignore = "make test"]
async fn empty_namespace_is_an_error_unless_allowed() -> Result<()> {
    let plane = ControlPlane::shared().await;
    let bare = plane.namespace("bare").await?;
    let policies = TempDir::new()?;
    let file = policies.path().join("freeze.yaml");
    std::fs::write(&file, FREEZE)?;
    let file = file.to_str().expect("a path that is text");
    for policies in [&["--policies", file][..], &[]] {
        let (report, exit) = check(&plane.kubeconfig(), &bare, policies).await?;
        assert_eq!(exit, 2, "{report}");
        let told = report["problems"].to_string();
        assert!(told.contains("no workload is here"), "{told}");
        assert!(told.contains(&bare), "{told}");
    }
    let allowed = ["--policies", file, "--allow-empty"];
    let (report, exit) = check(&plane.kubeconfig(), &bare, &allowed).await?;
    assert_eq!((exit, &report["problems"]), (0, &json!([])), "{report}");
    Ok(())
}

#[tokio::test]
#[ignore = "make test"]
async fn closed_pipe_does_not_turn_a_hold_into_a_yes() -> Result<()> {
    let plane = ControlPlane::shared().await;
    let shop = plane.namespace("pipes").await?;
    run(plane, &shop, "cart").await?;
    let _guarded = Guarded::over(&shop, FREEZE).await?;
    let policies = TempDir::new()?;
    let file = policies.path().join("freeze.yaml");
    std::fs::write(&file, FREEZE)?;
    let own = ["--policies".into(), file.into_os_string()];
    for policies in [&own[..], &[]] {
        for format in ["human", "json"] {
            let mut command = Command::new(binary());
            command
                .args(["check", "--cluster", "-n", &shop, "-o", format])
                .arg("--kubeconfig")
                .arg(plane.kubeconfig())
                .args(policies)
                .stdout(closed()?)
                .stderr(closed()?);
            let status = tokio::task::spawn_blocking(move || command.status()).await??;
            assert_eq!(status.code(), Some(1), "{format} {policies:?}");
        }
    }
    Ok(())
}

/// A pipe that nobody reads any more.
fn closed() -> Result<std::io::PipeWriter> {
    Ok(std::io::pipe()?.1)
}
