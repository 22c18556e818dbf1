//! rollgate's installation: by the Helm chart with the real Helm, and by the plain manifests with
//! kubectl, on a real API server. Its Pods are simulated.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Result;
use rollgate_tests::control_plane::{ControlPlane, Tool, wait_for};
use rollgate_tests::server::{Serve, binary};
use serde_json::Value;

const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/chart");

/// Values that switch every part of the chart on.
const EVERYTHING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/chart/everything.yaml");

/// A namespace in which the API server refuses Pods that ask for more than they should.
const RESTRICTED: &str = "
apiVersion: v1
kind: Namespace
metadata:
  name: gates
  labels: {pod-security.kubernetes.io/enforce: restricted}
";

/// One of each kind.
const POLICIES: &str = "
apiVersion: rollgate.dev/v1alpha1
kind: ClusterRolloutPolicy
metadata: {name: everywhere}
spec: {module: {builtin: probes}, action: Warn}
---
apiVersion: rollgate.dev/v1alpha1
kind: RolloutPolicy
metadata: {name: here, namespace: gates}
spec: {module: {builtin: probes}, action: Audit}
";

#[tokio::test]
#[ignore = "make test"]
async fn plain_manifests_are_what_the_chart_renders() -> Result<()> {
    let plane = ControlPlane::shared().await;
    let namespace = "--namespace=rollgate-system";
    let template = plane.helm(["template", "rollgate", CHART, namespace]);
    let rendered = template.arg("--set=crds.install=false").ok().await?;
    let file = Path::new(CHART).join("../manifests.yaml");
    assert_eq!(rendered, std::fs::read_to_string(file)?, "make manifests");
    Ok(())
}

#[tokio::test]
#[ignore = "make test"]
async fn chart_has_the_version_of_the_program() -> Result<()> {
    let plane = ControlPlane::shared().await;
    let chart = plane.helm(["show", "chart", CHART]).ok().await?;
    let version = concat!("appVersion: ", env!("CARGO_PKG_VERSION"), "\n");
    assert!(chart.contains(version), "{chart}");
    Ok(())
}

#[tokio::test]
#[ignore = "make test"]
async fn helm_lint_passes() -> Result<()> {
    let plane = ControlPlane::shared().await;
    for values in [&[][..], &["--values", EVERYTHING]] {
        let lint = plane.helm(["lint", "--strict", "--quiet", CHART]);
        assert_eq!(lint.args(values).ok().await?, "");
    }
    Ok(())
}

#[tokio::test]
#[ignore = "make test"]
async fn installation_passes_the_bundled_policies() -> Result<()> {
    let plane = ControlPlane::shared().await;
    let template = || plane.helm(["template", "rollgate", CHART]);
    for manifests in [
        template().ok().await?,
        template().args(["--values", EVERYTHING]).ok().await?,
        rollgate(&["manifests"], "")?,
    ] {
        let report = rollgate(&["check", "--format=json", "-"], &manifests)?;
        let report: Value = serde_json::from_str(&report)?;
        let workloads = report["workloads"].as_array().expect("a list");
        assert_eq!(workloads.len(), 2);
        for workload in workloads {
            let said = workload["policies"].as_array().expect("a list");
            assert!(!said.is_empty(), "{report:#}");
            // rollgate itself goes on answering after SIGTERM, so it needs no preStop.
            let findings = said
                .iter()
                .flat_map(|policy| policy["findings"].as_array().expect("a list"));
            let sound = findings
                .into_iter()
                .all(|finding| finding["rule"] == "prestop-missing");
            assert!(sound, "{report:#}");
        }
    }
    Ok(())
}

#[tokio::test]
#[ignore = "make test"]
async fn invalid_or_too_permissive_values_are_refused() -> Result<()> {
    let plane = ControlPlane::shared().await;
    let refused = [
        (
            r#"readableKinds=[{"apiGroup":"","resource":"secrets"}]"#,
            "/readableKinds/0/resource",
        ),
        (
            r#"readableKinds=[{"apiGroup":"*","resource":"pods"}]"#,
            "/readableKinds/0/apiGroup",
        ),
        (
            r#"readableKinds=[{"apiGroup":"","resource":"*"}]"#,
            "/readableKinds/0/resource",
        ),
        (
            r#"readableKinds=[{"apiGroup":"","resource":"pods/exec"}]"#,
            "/readableKinds/0/resource",
        ),
        (
            r#"readableKinds=[{"resource":"pods"}]"#,
            "missing property 'apiGroup'",
        ),
        (r#"metricSecrets=["*"]"#, "/metricSecrets/0"),
        (
            r#"modules={"volume":{"secret":{"secretName":"x"}}}"#,
            "/modules/volume",
        ),
        (
            r#"revisionGuard={"restorers":{"groups":["system:authenticated"]}}"#,
            "/revisionGuard/restorers/groups/0",
        ),
        (
            r#"revisionGuard={"controllers":[]}"#,
            "/revisionGuard/controllers",
        ),
        ("replicas=0", "/replicas"),
        (
            "replicaCount=3",
            "additional properties 'replicaCount' not allowed",
        ),
        (r#"drain={"delay":"10s"}"#, "/drain/delay"),
        (r#"fullnameOverride="0gate""#, "/fullnameOverride"),
    ];
    for (value, place) in refused {
        let template = plane.helm(["template", "rollgate", CHART, "--set-json", value]);
        let complaint = template.refused().await?;
        assert!(complaint.contains(place), "{value}: {complaint}");
    }
    let unusable = plane.helm(["template", "0gate", CHART]).refused().await?;
    assert!(unusable.contains("set fullnameOverride"), "{unusable}");
    Ok(())
}

#[tokio::test]
#[ignore = "make test"]
async fn helm_installs_upgrades_and_leaves_nothing_behind() -> Result<()> {
    let plane = restricted().await?;
    let before = named_after(&plane).await?;

    let notes = helm(&plane, "install")
        .arg(CHART)
        .arg("--wait")
        .ok()
        .await?;
    assert!(
        notes.contains("Nothing is evaluated before there is a policy"),
        "{notes}"
    );
    assert_eq!(available(&plane).await?, "2");
    let upgrade = helm(&plane, "upgrade").args([CHART, "--wait", "--set=replicas=3"]);
    upgrade
        .args(["--set=metrics.service=true", "--set=log.level=debug"])
        .ok()
        .await?;
    assert_eq!(available(&plane).await?, "3");
    plane
        .kubectl(["get", "service/rollgate-metrics", "--namespace=gates"])
        .ok()
        .await?;

    assert!(named_after(&plane).await?.len() > before.len() + 15);
    helm(&plane, "uninstall").arg("--wait").ok().await?;
    nothing_but(&plane, &before).await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "make test"]
async fn replicas_work_with_the_rights_of_the_chart_and_leave_nothing_behind() -> Result<()> {
    let plane = restricted().await?;
    let before = named_after(&plane).await?;
    helm(&plane, "install")
        .args([CHART, "--wait", "--set=drain.delay=1"])
        .ok()
        .await?;
    let (one, other) = (
        replica(&plane, "one").await?,
        replica(&plane, "other").await?,
    );
    one.ready().await;
    other.ready().await;

    plane
        .kubectl(["apply", "--filename=-"])
        .input(POLICIES)
        .ok()
        .await?;
    for policy in ["clusterrolloutpolicy/everywhere", "rolloutpolicy/here"] {
        let wait = [
            "wait",
            "--for=condition=Ready",
            policy,
            "--namespace=gates",
            "--timeout=60s",
        ];
        plane.kubectl(wait).ok().await?;
    }
    for made in [
        "lease/rollgate",
        "secret/rollgate-certificates",
        "secret/rollgate-webhook-path",
        "validatingwebhookconfiguration/rollgate",
    ] {
        let owner = "--output=jsonpath={.metadata.ownerReferences[*].name}";
        let get = ["get", made, "--namespace=gates", owner];
        let owner = wait_for(made, async || Ok(Some(plane.kubectl(get).ok().await?)));
        assert_eq!(owner.await?, "rollgate", "{made}");
    }

    let log = one.log_to_the_end();
    let refused = log
        .iter()
        .filter(|line| line.to_string().contains("forbidden"));
    assert_eq!(refused.collect::<Vec<_>>(), Vec::<&Value>::new());
    helm(&plane, "uninstall").arg("--wait").ok().await?;
    nothing_but(&plane, &before).await?;
    drop(other);
    Ok(())
}

#[tokio::test]
#[ignore = "make test"]
async fn policies_stay_after_an_uninstallation_on_request() -> Result<()> {
    let plane = restricted().await?;
    let install = helm(&plane, "install").args([CHART, "--wait", "--set=crds.keep=true"]);
    install.ok().await?;
    helm(&plane, "uninstall").arg("--wait").ok().await?;
    let crds = plane.kubectl(["get", "crds", "--output=name"]).ok().await?;
    assert_eq!(crds.matches(".rollgate.dev\n").count(), 4, "{crds}");
    helm(&plane, "install").args([CHART, "--wait"]).ok().await?;
    Ok(())
}

#[tokio::test]
#[ignore = "make test"]
async fn plain_manifests_install_and_delete_the_same_objects() -> Result<()> {
    let plane = ControlPlane::start().await?;
    let before = named_after(&plane).await?;
    let manifests = rollgate(&["manifests", "--namespace=gates", "--replicas=3"], "")?;
    let apply = plane.kubectl(["apply", "--server-side", "--filename=-"]);
    apply.input(manifests.as_str()).ok().await?;
    let status = [
        "rollout",
        "status",
        "deployment/rollgate",
        "--namespace=gates",
    ];
    plane.kubectl(status).arg("--timeout=90s").ok().await?;
    assert_eq!(available(&plane).await?, "3");
    assert!(named_after(&plane).await?.len() > before.len() + 15);
    let delete = plane.kubectl(["delete", "--filename=-"]);
    delete.input(manifests.as_str()).ok().await?;
    nothing_but(&plane, &before).await
}

/// A control plane of its own, with the namespace that is installed in.
async fn restricted() -> Result<ControlPlane> {
    let plane = ControlPlane::start().await?;
    let apply = plane.kubectl(["apply", "--filename=-"]);
    apply.input(RESTRICTED).ok().await?;
    Ok(plane)
}

/// A replica outside a Pod, with the arguments and the rights that the chart gives it in one.
async fn replica(plane: &ControlPlane, identity: &str) -> Result<Serve> {
    let arguments = "--output=jsonpath={.spec.template.spec.containers[0].args}";
    let deployment = ["get", "deployment/rollgate", "--namespace=gates", arguments];
    let arguments: Vec<String> = serde_json::from_str(&plane.kubectl(deployment).ok().await?)?;
    let elsewhere = ["serve", "--cache=", "--log-format="];
    let arguments = arguments
        .into_iter()
        .filter(|argument| !elsewhere.iter().any(|other| argument.starts_with(other)));
    let account = plane.service_account("gates", "rollgate").await?;
    let place = [
        format!("--kubeconfig={}", account.display()),
        "--namespace=gates".to_owned(),
        format!("--identity={identity}"),
    ];
    Ok(Serve::start(arguments.chain(place)))
}

/// A call about the release `rollgate` in the namespace `gates`.
fn helm(plane: &ControlPlane, command: &str) -> Tool {
    let release = [command, "rollgate", "--namespace=gates", "--timeout=180s"];
    plane.helm(release)
}

async fn available(plane: &ControlPlane) -> Result<String> {
    let replicas = "--output=jsonpath={.status.availableReplicas}";
    let deployment = ["get", "deployment/rollgate", "--namespace=gates", replicas];
    plane.kubectl(deployment).ok().await
}

/// All objects in the cluster with rollgate's name in theirs, but for Events, which run out. (Asking for
/// its kinds makes them quick to delete: the API server puts the deletion of one that nobody ever asked
/// for off, at times for minutes.)
async fn named_after(plane: &ControlPlane) -> Result<Vec<String>> {
    let listed = ["api-resources", "--verbs=list", "--output=name"];
    let resources = plane.kubectl(listed).ok().await?;
    let resources: Vec<_> = resources
        .lines()
        .filter(|resource| !resource.starts_with("events") && *resource != "componentstatuses")
        .collect();
    let get = [
        "get",
        &resources.join(","),
        "--all-namespaces",
        "--output=name",
    ];
    let objects = plane.kubectl(get).ok().await?;
    let ours = objects.lines().filter(|object| object.contains("rollgate"));
    Ok(ours.map(str::to_owned).collect())
}

/// Waits until what was owned by what is gone is gone, too.
async fn nothing_but(plane: &ControlPlane, before: &[String]) -> Result<()> {
    let mut left = Vec::new();
    let gone = wait_for("the end of everything with rollgate's name", async || {
        left = named_after(plane).await?;
        Ok((left == before).then_some(()))
    });
    let gone = gone.await;
    gone.map_err(|error| error.context(format!("left: {left:#?}")))
}

/// What the program prints, which must find nothing wrong.
fn rollgate(arguments: &[&str], input: &str) -> Result<String> {
    let mut child = Command::new(binary())
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut stdin = child.stdin.take().expect("it is piped");
    std::io::Write::write_all(&mut stdin, input.as_bytes())?;
    drop(stdin);
    let output = child.wait_with_output()?;
    let stdout = String::from_utf8(output.stdout)?;
    anyhow::ensure!(
        output.status.success(),
        "{arguments:?}: {}\n{stdout}",
        output.status
    );
    Ok(stdout)
}
