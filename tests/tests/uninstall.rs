//! That nothing of rollgate is left in a cluster when it is taken out, by the command or by Helm.

use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Result;
use rollgate_tests::control_plane::{ControlPlane, wait_for};
use rollgate_tests::installation::{Installation, NAME, NAMESPACE, asked_for};
use rollgate_tests::server::binary;

const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/chart");

const POLICY: &str = "
apiVersion: rollgate.dev/v1alpha1
kind: ClusterRolloutPolicy
metadata: {name: probes}
spec: {module: {builtin: probes}, settings: {}, match: {kinds: [Deployment]}}
";

/// A Deployment that the policy denies.
const CREATE: [&str; 5] = [
    "create",
    "deployment",
    "cart",
    "--image=cart:1",
    "--port=80",
];

#[tokio::test]
#[ignore = "make test"]
async fn uninstall_deletes_all_but_the_definitions_and_says_so() -> Result<()> {
    let plane = ControlPlane::start().await?;
    let installation = Installation::new(&plane, 2, &[]).await?;
    gated(&plane, &installation).await?;

    insta::assert_snapshot!("dry_run", uninstalled(&plane, &["--dry-run"]).await?);
    let unconfirmed = uninstall(&plane, &[]).await?;
    assert_eq!(unconfirmed.code, Some(2));
    insta::assert_snapshot!("unconfirmed", unconfirmed.stderr);
    plane.kubectl(CREATE).refused().await?;

    let removed = uninstalled(&plane, &["--yes"]).await?;
    insta::assert_snapshot!("removed", removed);
    plane.kubectl(CREATE).ok().await?;
    // Its replicas run on, and would put back what they may.
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(left(&plane).await?, "");
    assert_eq!(
        policies(&plane).await?,
        "clusterrolloutpolicy.rollgate.dev/probes\n"
    );

    let again = uninstalled(&plane, &["--yes", "--crds"]).await?;
    insta::assert_snapshot!("with_crds", again);
    wait_for("the definitions to go", async || {
        Ok(definitions(&plane).await?.is_empty().then_some(()))
    })
    .await?;
    let nothing = uninstalled(&plane, &["--yes", "--crds"]).await?;
    insta::assert_snapshot!("nothing", nothing);
    Ok(())
}

#[tokio::test]
#[ignore = "make test"]
async fn helm_uninstall_leaves_nothing_and_rollgate_uninstall_refuses_a_helm_release() -> Result<()>
{
    let plane = ControlPlane::start().await?;
    let helm = |verb| plane.helm([verb, NAME, "--namespace", NAMESPACE]);
    let install = helm("install").args(["--create-namespace", "--wait", CHART]);
    install.ok().await?;
    lead_here(&plane).await?;
    let mut installation = Installation::of_what_is_installed(&plane).await?;
    installation.start(&[]);
    installation.replicas[0].ready().await;
    gated(&plane, &installation).await?;

    let refused = uninstall(&plane, &["--yes"]).await?;
    assert_eq!(refused.code, Some(2));
    let hint = "use `helm uninstall rollgate --namespace rollgate-system`";
    assert!(refused.stderr.contains(hint), "{}", refused.stderr);

    helm("uninstall").ok().await?;
    wait_for("what rollgate made to go with the release", async || {
        Ok(left(&plane).await?.is_empty().then_some(()))
    })
    .await?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(left(&plane).await?, "");
    assert_eq!(definitions(&plane).await?, "");
    plane.kubectl(CREATE).ok().await?;
    Ok(())
}

/// Has the Service lead to this machine instead of to Pods that are simulated. Its endpoints stay as
/// they are at that moment, so they are to be ready.
async fn lead_here(plane: &ControlPlane) -> Result<()> {
    let slices = ["get", "endpointslices", "--namespace", NAMESPACE];
    let of_service = format!("--selector=kubernetes.io/service-name={NAME}");
    let ready = "--output=jsonpath={.items[*].endpoints[*].conditions.ready}";
    wait_for("the Service to lead to Pods that are ready", async || {
        let slices = plane.kubectl(slices).args([&of_service, ready]);
        Ok(slices.ok().await?.contains("true").then_some(()))
    })
    .await?;
    let to_here = r#"{"spec": {"type": "ExternalName", "externalName": "localhost",
        "clusterIP": null, "clusterIPs": null, "selector": null}}"#;
    let patch = ["patch", "service", NAME, "--namespace", NAMESPACE];
    let patch = plane.kubectl(patch).args(["--type=merge", "--patch"]);
    patch.arg(to_here).ok().await?;
    Ok(())
}

/// A policy that is asked about.
async fn gated(plane: &ControlPlane, installation: &Installation<'_>) -> Result<()> {
    plane
        .kubectl(["apply", "--filename=-"])
        .input(POLICY)
        .ok()
        .await?;
    installation
        .registered(|registered| asked_for(registered).len() == 1)
        .await?;
    wait_for("the API server to ask", async || {
        let create = plane.kubectl(CREATE).arg("--dry-run=server").run().await?;
        Ok((!create.status.success()).then_some(()))
    })
    .await
}

/// Everything that bears the name of the installation, whoever made it.
async fn left(plane: &ControlPlane) -> Result<String> {
    const CLUSTER: &str = "validatingwebhookconfigurations,validatingadmissionpolicies,validatingadmissionpolicybindings,clusterroles,clusterrolebindings";
    const NAMESPACED: &str = "all,secrets,leases,roles,rolebindings,serviceaccounts,networkpolicies,poddisruptionbudgets,horizontalpodautoscalers";
    let get = |kinds| plane.kubectl(["get", "--output=name", "--namespace", NAMESPACE, kinds]);
    let found = format!(
        "{}{}",
        get(CLUSTER).ok().await?,
        get(NAMESPACED).ok().await?
    );
    let ours = found.lines().filter(|name| name.contains(NAME));
    // Events and Pods on their way out are no part of it.
    let ours = ours.filter(|name| !name.starts_with("pod/"));
    Ok(ours.collect::<Vec<_>>().join("\n"))
}

async fn policies(plane: &ControlPlane) -> Result<String> {
    let get = ["get", "clusterrolloutpolicies", "--output=name"];
    plane.kubectl(get).ok().await
}

async fn definitions(plane: &ControlPlane) -> Result<String> {
    let found = plane.kubectl(["get", "crds", "--output=name"]).ok().await?;
    let ours = found.lines().filter(|name| name.ends_with("rollgate.dev"));
    Ok(ours.collect::<Vec<_>>().join("\n"))
}

/// What became of a call of the command.
struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

async fn uninstall(plane: &ControlPlane, arguments: &[&str]) -> Result<Ended> {
    let mut command = Command::new(binary());
    command.arg("uninstall").args(arguments);
    command.env("KUBECONFIG", plane.kubeconfig());
    command.stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    Ok(Ended {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout)?,
        stderr: String::from_utf8(output.stderr)?,
    })
}

async fn uninstalled(plane: &ControlPlane, arguments: &[&str]) -> Result<String> {
    let ended = uninstall(plane, arguments).await?;
    anyhow::ensure!(ended.code == Some(0), "{}", ended.stderr);
    // A guard's name ends in a digest of what is in it.
    let plain = |line: &str| match line.split_once("Policy rollgate-revisions-") {
        Some((before, "probe")) => format!("{before}Policy rollgate-revisions-probe"),
        Some((before, _)) => format!("{before}Policy rollgate-revisions-DIGEST"),
        None => line.to_owned(),
    };
    Ok(ended
        .stdout
        .lines()
        .map(|line| plain(line) + "\n")
        .collect())
}
