//! What rollgate keeps in a cluster: its registration and its certificates, on a real API server.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use k8s_openapi::api::admissionregistration::v1::ValidatingWebhookConfiguration;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, PostParams};
use rollgate_tests::control_plane::{ControlPlane, wait_for};
use rollgate_tests::installation::{Installation, NAME, NAMESPACE, asked_for};
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// Every Deployment of a namespace needs a readiness probe, whatever is changed.
fn probes(namespace: &str) -> String {
    json!({
        "apiVersion": "rollgate.dev/v1alpha1",
        "kind": "RolloutPolicy",
        "metadata": { "name": "probes", "namespace": namespace },
        "spec": {
            "module": { "builtin": "probes" },
            "settings": {},
            "match": { "kinds": ["Deployment"] },
        },
    })
    .to_string()
}

/// A freeze of everything that can be judged.
const FREEZE: &str = "
apiVersion: rollgate.dev/v1alpha1
kind: ClusterRolloutPolicy
metadata: {name: freeze}
spec:
  module: {builtin: time-window}
  settings: {timeZone: UTC, deny: [{reason: a freeze, span: {start: 2000-01-01T00:00}}]}
  match:
    namespaces: [shop]
    changes: [roll-forward, release, scale]
";

fn deployment(probe: Option<Value>) -> Value {
    let mut container = json!({
        "name": "main",
        "image": "registry.example/cart:1.2.3",
        "ports": [{ "containerPort": 80 }],
    });
    if let Some(probe) = probe {
        container["readinessProbe"] = probe;
    }
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": { "name": "cart" },
        "spec": {
            "replicas": 1,
            "selector": { "matchLabels": { "app": "cart" } },
            "template": {
                "metadata": { "labels": { "app": "cart" } },
                "spec": { "containers": [container] },
            },
        },
    })
}

fn careless() -> Value {
    deployment(None)
}

fn careful() -> Value {
    deployment(Some(json!({ "httpGet": { "path": "/ready", "port": 80 } })))
}

async fn apply(plane: &ControlPlane, namespace: &str, object: impl ToString) -> Result<String> {
    let apply = ["apply", "--namespace", namespace, "--filename=-"];
    plane.kubectl(apply).input(object.to_string()).ok().await
}

async fn refused(plane: &ControlPlane, namespace: &str, object: &Value) -> Result<String> {
    let apply = ["apply", "--namespace", namespace, "--filename=-"];
    let apply = plane.kubectl(apply).input(object.to_string());
    apply.refused().await
}

/// What is said of a careless Deployment that would be new, once the API server asks.
async fn denied(plane: &ControlPlane, namespace: &str) -> Result<String> {
    let mut new = careless();
    new["metadata"]["name"] = json!("basket");
    let create = [
        "create",
        "--dry-run=server",
        "--filename=-",
        "--namespace",
        namespace,
    ];
    wait_for("a denial", async || {
        let create = plane.kubectl(create).input(new.to_string());
        let output = create.run().await?;
        Ok((!output.status.success()).then_some(output.stderr))
    })
    .await
}

fn asks_for(wanted: &[&str]) -> impl Fn(&ValidatingWebhookConfiguration) -> bool {
    move |registered| asked_for(registered) == wanted
}

#[tokio::test]
#[ignore = "make test"]
async fn what_is_asked_for_follows_the_policies_and_kinds_that_exist() -> Result<()> {
    let plane = ControlPlane::start().await?;
    let installation = Installation::new(&plane, 1, &[]).await?;
    installation.registered(asks_for(&[])).await?;
    let shop = plane.namespace("shop").await?;
    apply(&plane, &shop, careless()).await?;

    apply(&plane, &shop, probes(&shop)).await?;
    let one = &["workloads.rollgate.dev: deployments"][..];
    let registered = installation.registered(asks_for(one)).await?;
    let owner = registered.metadata.owner_references.unwrap_or_default();
    assert_eq!(owner.len(), 1);
    assert_eq!(
        (owner[0].kind.as_str(), owner[0].name.as_str()),
        ("ClusterRole", NAME)
    );
    let complaint = denied(&plane, &shop).await?;
    let denied = "admission webhook \"workloads.rollgate.dev\" denied the request";
    assert!(complaint.contains(denied), "{complaint}");
    apply(&plane, &shop, careful()).await?;

    apply(
        &plane,
        &shop,
        FREEZE.replace("[shop]", &format!("[{shop}]")),
    )
    .await?;
    let more = &[
        "workloads.rollgate.dev: deployments daemonsets statefulsets",
        "services.rollgate.dev: services",
        "scale.rollgate.dev: deployments/scale statefulsets/scale",
    ];
    installation.registered(asks_for(more)).await?;
    plane.install_argo_crds().await?;
    let argo = &[
        "workloads.rollgate.dev: deployments daemonsets statefulsets rollouts",
        "services.rollgate.dev: services",
        "scale.rollgate.dev: deployments/scale statefulsets/scale rollouts/scale",
        "promotions.rollgate.dev: rollouts/status",
    ];
    installation.registered(asks_for(argo)).await?;

    let delete = [
        "delete",
        "clusterrolloutpolicies,rolloutpolicies",
        "--all",
        "--namespace",
    ];
    plane.kubectl(delete).arg(&shop).ok().await?;
    installation.registered(asks_for(&[])).await?;
    apply(&plane, &shop, careless()).await?;
    Ok(())
}

#[tokio::test]
#[ignore = "make test"]
async fn what_others_do_to_the_registration_is_put_back_and_nothing_is_written_otherwise()
-> Result<()> {
    let plane = ControlPlane::start().await?;
    let installation = Installation::new(&plane, 2, &[]).await?;
    let shop = plane.namespace("shop").await?;
    apply(&plane, &shop, probes(&shop)).await?;
    let wanted = &["workloads.rollgate.dev: deployments"][..];
    let first = installation.registered(asks_for(wanted)).await?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let later = installation.registered(asks_for(wanted)).await?;
    assert_eq!(
        later.metadata.resource_version,
        first.metadata.resource_version
    );

    let kind = "validatingwebhookconfiguration";
    plane.kubectl(["delete", kind, NAME]).ok().await?;
    let again = installation.registered(asks_for(wanted)).await?;
    assert_eq!(again.webhooks, first.webhooks);

    let open = r#"[{"op": "replace", "path": "/webhooks/0/failurePolicy", "value": "Ignore"},
        {"op": "add", "path": "/webhooks/0/matchConditions/-", "value": {"name": "never", "expression": "false"}},
        {"op": "add", "path": "/webhooks/0/objectSelector", "value": {"matchLabels": {"gated": "yes"}}}]"#;
    let patch = ["patch", kind, NAME, "--type=json", "--patch", open];
    plane.kubectl(patch).ok().await?;
    installation
        .registered(|registered| registered.webhooks == first.webhooks)
        .await?;
    Ok(())
}

#[tokio::test]
#[ignore = "make test"]
async fn while_no_replica_is_there_only_what_policies_would_judge_is_refused() -> Result<()> {
    let plane = ControlPlane::start().await?;
    let mut installation = Installation::new(&plane, 1, &[]).await?;
    plane.kubectl(["create", "namespace", "shop"]).ok().await?;
    apply(&plane, "shop", careful()).await?;
    let service = json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": { "name": "cart" },
        "spec": { "selector": { "app": "cart" }, "ports": [{ "port": 80 }] },
    });
    apply(&plane, "shop", &service).await?;
    let scale = ["scale", "deployment/cart", "--namespace=shop"];
    plane.kubectl(scale).arg("--replicas=2").ok().await?;
    apply(&plane, "shop", FREEZE).await?;
    installation
        .registered(|registered| asked_for(registered).len() == 3)
        .await?;
    wait_for("scaling to be held", async || {
        let held = plane
            .kubectl(scale)
            .args(["--replicas=3", "--dry-run=server"]);
        Ok((!held.run().await?.status.success()).then_some(()))
    })
    .await?;
    installation.replicas.clear();

    let mut changed = careful();
    changed["spec"]["template"]["spec"]["containers"][0]["image"] =
        json!("registry.example/cart:2");
    let complaint = refused(&plane, "shop", &changed).await?;
    assert!(
        complaint.contains("failed calling webhook \"workloads.rollgate.dev\""),
        "{complaint}"
    );
    let mut moved = service.clone();
    moved["spec"]["selector"]["version"] = json!("2");
    let complaint = refused(&plane, "shop", &moved).await?;
    assert!(
        complaint.contains("failed calling webhook \"services.rollgate.dev\""),
        "{complaint}"
    );

    let mut step_of_argo = service.clone();
    step_of_argo["spec"]["selector"]["rollouts-pod-template-hash"] = json!("5d8f");
    step_of_argo["spec"]["ports"][0]["port"] = json!(81);
    apply(&plane, "shop", step_of_argo).await?;
    plane.kubectl(scale).arg("--replicas=3").ok().await?;
    let annotate = [
        "annotate",
        "deployment/cart",
        "team=web",
        "--namespace=shop",
    ];
    plane.kubectl(annotate).ok().await?;
    plane
        .kubectl(["delete", "deployment/cart", "--namespace=shop"])
        .ok()
        .await?;
    plane
        .kubectl(["delete", "namespace", "shop", "--timeout=60s"])
        .ok()
        .await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "make test"]
async fn certificates_rotate_under_load_and_no_call_fails() -> Result<()> {
    let plane = ControlPlane::start().await?;
    let quick = ["--certificate-lifetime=24s", "--certificate-spread=2s"];
    let installation = Installation::new(&plane, 2, &quick).await?;
    let shop = plane.namespace("shop").await?;
    apply(&plane, &shop, probes(&shop)).await?;
    let wanted = &["workloads.rollgate.dev: deployments"][..];
    installation.registered(asks_for(wanted)).await?;
    denied(&plane, &shop).await?;
    let before = plane.metrics().await?;

    let load = Load::start(&plane, &shop).await?;
    let secrets: Api<Secret> = Api::namespaced(plane.client().await?, NAMESPACE);
    let (mut served, mut trusted) = (BTreeSet::new(), BTreeSet::new());
    let from = Instant::now();
    while served.len() < 4 {
        anyhow::ensure!(
            from.elapsed() < Duration::from_secs(150),
            "only {} certificates",
            served.len()
        );
        let secret = secrets.get(&format!("{NAME}-certificates")).await?;
        let data = secret.data.context("data")?;
        served.insert(data["tls.crt"].0.clone());
        trusted.insert(data["ca.crt"].0.clone());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let (allowed, denied) = load.end().await?;
    assert!(
        allowed > 100 && denied > 100,
        "{allowed} allowed, {denied} denied"
    );
    assert!(trusted.len() > served.len(), "bundles overlap");
    let after = plane.metrics().await?;
    assert_eq!(failed_calls(&after), failed_calls(&before));
    Ok(())
}

/// Lines of the API server's metrics that tell of webhooks which it could not call.
fn failed_calls(metrics: &str) -> Vec<&str> {
    let lines = metrics.lines();
    let failed = lines.filter(|line| {
        line.starts_with("apiserver_admission_webhook_fail_open_count{")
            || line.starts_with("apiserver_admission_webhook_rejection_count{")
                && !line.contains("error_type=\"no_error\"")
    });
    failed.collect()
}

/// Clients that create a good and a bad Deployment again and again, as dry-runs.
struct Load {
    stop: Arc<AtomicBool>,
    clients: JoinSet<Result<(usize, usize)>>,
}

impl Load {
    async fn start(plane: &ControlPlane, namespace: &str) -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let mut clients = JoinSet::new();
        for _ in 0..4 {
            let api = Api::namespaced(plane.client().await?, namespace);
            clients.spawn(create(api, Arc::clone(&stop)));
        }
        Ok(Self { stop, clients })
    }

    async fn end(self) -> Result<(usize, usize)> {
        self.stop.store(true, Ordering::Relaxed);
        let mut sum = (0, 0);
        for counted in self.clients.join_all().await {
            let (allowed, denied) = counted?;
            sum = (sum.0 + allowed, sum.1 + denied);
        }
        Ok(sum)
    }
}

async fn create(api: Api<Deployment>, stop: Arc<AtomicBool>) -> Result<(usize, usize)> {
    let dry_run = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    let (good, bad) = (
        serde_json::from_value(careful())?,
        serde_json::from_value(careless())?,
    );
    let (mut allowed, mut denied) = (0, 0);
    while !stop.load(Ordering::Relaxed) {
        api.create(&dry_run, &good)
            .await
            .context("a good one was not let through")?;
        allowed += 1;
        match api.create(&dry_run, &bad).await {
            Err(kube::Error::Api(status)) if status.message.contains("denied the request") => {
                denied += 1
            }
            other => anyhow::bail!("a bad one was not denied: {other:?}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok((allowed, denied))
}
