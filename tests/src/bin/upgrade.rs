//! `make upgrade`: upgrades an older build to this one by Helm, while rollouts are evaluated. No call may
//! fail, and no answer may be wrong.
//!
//! usage: upgrade BINARY CHART, both of the older build

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use rollgate_tests::control_plane::{ControlPlane, Tool};
use rollgate_tests::installation::{Installation, NAME, NAMESPACE, asked_for};
use rollgate_tests::server::binary;
use rollgate_tests::traffic::{Traffic, failed_calls, probes};
use tempfile::TempDir;

const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/chart");

/// Replicas are processes of this machine, so the Service leads here.
const SERVICE: &str = "
apiVersion: v1
kind: Service
metadata: {name: rollgate}
spec: {type: ExternalName, externalName: localhost}
";

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (old_binary, old_chart) = arguments
        .next()
        .zip(arguments.next())
        .context("usage: upgrade BINARY CHART")?;
    let plane = ControlPlane::start().await?;
    let charts = TempDir::new()?;
    let old_chart = leading_here(&old_chart, &charts.path().join("old"))?;
    let new_chart = leading_here(Path::new(CHART), &charts.path().join("new"))?;

    let create = ["--create-namespace".as_ref(), old_chart.as_os_str()];
    helm(&plane, "install").args(create).ok().await?;
    let mut rollgate = Installation::of_what_is_installed(&plane).await?;
    for _ in 0..2 {
        rollgate.start_program(&old_binary, &[]);
    }
    for replica in &rollgate.replicas {
        replica.ready().await;
    }
    let shop = plane.namespace("shop").await?;
    let apply = plane.kubectl(["apply", "--filename=-"]);
    apply.input(probes(&shop).to_string()).ok().await?;
    rollgate
        .registered(|registered| !asked_for(registered).is_empty())
        .await?;
    rollgate.in_force(&format!("{shop}/probes")).await;

    let before = failed_calls(&plane).await?;
    let traffic = Traffic::start(&plane, &shop).await?;
    traffic.more(100).await;
    helm(&plane, "upgrade").arg(&new_chart).ok().await?;
    traffic.more(100).await;
    for _ in 0..2 {
        rollgate.start_program(&binary(), &[]);
        rollgate.replicas[2].ready().await;
        traffic.more(50).await;
        let oldest = rollgate.replicas.remove(0);
        oldest.terminate();
        let status = oldest.ended(Duration::from_secs(60)).await;
        ensure!(status.success(), "an old replica ended with {status}");
        traffic.more(50).await;
    }
    rollgate.in_force(&format!("{shop}/probes")).await;
    traffic.more(200).await;
    let seen = traffic.end().await;
    let same_failures = failed_calls(&plane).await? == before;
    println!(
        "upgraded: {} allowed, {} denied, {} calls failed, {} without a response, {} wrong answers",
        seen.allowed,
        seen.denied,
        seen.failed.len(),
        seen.without_response.len(),
        seen.wrong.len()
    );
    let clean = seen.failed.is_empty() && seen.without_response.is_empty() && same_failures;
    ensure!(clean && seen.wrong.is_empty(), "{seen:#?}");
    Ok(())
}

fn helm(plane: &ControlPlane, command: &str) -> Tool {
    plane.helm([command, NAME, "--namespace", NAMESPACE])
}

/// Copies a chart, with another Service.
fn leading_here(chart: &Path, copy: &Path) -> Result<PathBuf> {
    let status = Command::new("cp").arg("-r").arg(chart).arg(copy).status()?;
    ensure!(status.success(), "{} cannot be copied", chart.display());
    fs::write(copy.join("templates/service.yaml"), SERVICE)?;
    Ok(copy.to_owned())
}
