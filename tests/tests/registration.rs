//! What rollgate keeps in a cluster: its registration and its certificates, on a real API server.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use k8s_openapi::ByteString;
use k8s_openapi::api::admissionregistration::v1::ValidatingWebhookConfiguration;
use k8s_openapi::api::core::v1::Secret;
use kube::api::Api;
use rollgate_tests::certificate::{Authority, Pair};
use rollgate_tests::control_plane::{ControlPlane, wait_for};
use rollgate_tests::files::Files;
use rollgate_tests::installation::{Installation, NAME, NAMESPACE, asked_for};
use rollgate_tests::traffic::{Traffic, careful, careless, failed_calls, probes};
use serde_json::{Value, json};

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
async fn webhooks_follow_the_policies_and_kinds_that_exist() -> Result<()> {
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
        "templates.rollgate.dev: podtemplates replicasets",
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
async fn changes_of_the_registration_by_others_are_reverted_and_nothing_else_is_written()
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

#[tokio::test(flavor = "multi_thread")]
#[ignore = "make test"]
async fn registration_of_an_installation_in_another_namespace_is_left_alone() -> Result<()> {
    let plane = ControlPlane::start().await?;
    let installation = Installation::new(&plane, 1, &[]).await?;
    installation.registered(asks_for(&[])).await?;
    let kind = "validatingwebhookconfiguration";
    let label = |holder: &str| format!("rollgate.dev/namespace={holder}");
    let give_to = async |holder: &str| {
        let give = ["label", "--overwrite", kind, NAME, &label(holder)];
        plane.kubectl(give).ok().await
    };
    give_to("elsewhere").await?;
    let replica = &installation.replicas[0];
    let said = replica.logged("the registration cannot be kept; trying again");
    let why = said["error"].as_str().context("an error")?;
    let expected = "is that of the installation in namespace elsewhere";
    assert!(why.contains(expected), "{why}");

    let shop = plane.namespace("shop").await?;
    apply(&plane, &shop, probes(&shop)).await?;
    installation.in_force(&format!("{shop}/probes")).await;
    let metrics = "rollgate_reload_stale{subject=\"registration\"} 1";
    replica
        .until("/metrics", |_, text| text.contains(metrics))
        .await;
    installation.registered(asks_for(&[])).await?;
    give_to(NAMESPACE).await?;
    let wanted = &["workloads.rollgate.dev: deployments"][..];
    installation.registered(asks_for(wanted)).await?;
    Ok(())
}

#[tokio::test]
#[ignore = "make test"]
async fn without_replicas_only_what_policies_match_is_refused() -> Result<()> {
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
    let complaint = refused(&plane, "shop", &step_of_argo).await?;
    assert!(
        complaint.contains("failed calling webhook \"services.rollgate.dev\""),
        "{complaint}"
    );
    let argo = "system:serviceaccount:argo-rollouts:argo-rollouts";
    let argo = plane.user(argo, &["system:masters"])?;
    let step = plane.kubectl(["apply", "--namespace=shop", "--filename=-"]);
    step.by(&argo).input(step_of_argo.to_string()).ok().await?;
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
    installation.in_force(&format!("{shop}/probes")).await;
    denied(&plane, &shop).await?;
    let before = failed_calls(&plane).await?;

    let traffic = Traffic::start(&plane, &shop).await?;
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
    let seen = traffic.end().await;
    assert!(seen.allowed > 100 && seen.denied > 100, "{seen:?}");
    let lost = [&seen.failed, &seen.without_response].map(Vec::len);
    assert!(lost == [0, 0] && seen.wrong.is_empty(), "{seen:?}");
    assert!(trusted.len() > served.len(), "bundles overlap");
    assert_eq!(failed_calls(&plane).await?, before);
    Ok(())
}

#[tokio::test]
#[ignore = "make test"]
async fn registration_has_no_rules_before_cert_manager_injects_its_ca() -> Result<()> {
    let plane = ControlPlane::start().await?;
    let files = Files::named(&format!("{NAME}.{NAMESPACE}.svc"));
    let (certificate, key) = (files.tls().join("tls.crt"), files.tls().join("tls.key"));
    let arguments = [
        format!("--tls-cert={}", certificate.display()),
        format!("--tls-key={}", key.display()),
        "--inject-ca-from=rollgate-system/rollgate".to_owned(),
    ];
    let arguments = arguments.each_ref().map(String::as_str);
    let installation = Installation::new(&plane, 1, &arguments).await?;
    let shop = plane.namespace("shop").await?;
    apply(&plane, &shop, probes(&shop)).await?;
    let blank = &["workloads.rollgate.dev: "][..];
    let registered = installation.registered(asks_for(blank)).await?;
    let annotations = registered.metadata.annotations.unwrap_or_default();
    assert_eq!(
        annotations["cert-manager.io/inject-ca-from"],
        "rollgate-system/rollgate"
    );
    apply(&plane, &shop, careless()).await?;

    let bundle = ByteString(files.authority.pem.clone().into_bytes());
    let path = "/webhooks/0/clientConfig/caBundle";
    let inject = json!([{ "op": "add", "path": path, "value": bundle }]).to_string();
    let kind = "validatingwebhookconfiguration";
    let patch = ["patch", kind, NAME, "--type=json", "--patch", &inject];
    plane.kubectl(patch).ok().await?;
    let wanted = asks_for(&["workloads.rollgate.dev: deployments"]);
    installation.registered(wanted).await?;
    let complaint = denied(&plane, &shop).await?;
    assert!(complaint.contains("denied the request"), "{complaint}");
    let secrets: Api<Secret> = Api::namespaced(plane.client().await?, NAMESPACE);
    let own = secrets.get_opt(&format!("{NAME}-certificates")).await?;
    assert!(own.is_none());
    Ok(())
}

#[tokio::test]
#[ignore = "make test"]
async fn only_clients_of_the_configured_ca_are_answered() -> Result<()> {
    let plane = ControlPlane::start().await?;
    let (clients, others) = (Authority::new(), Authority::new());
    let files = Files::new();
    files.put("clients.crt", clients.pem.as_bytes());
    let file = files.policies().join("clients.crt");
    let client_ca = format!("--client-ca={}", file.display());
    let installation = Installation::new(&plane, 1, &[&client_ca]).await?;
    let secrets: Api<Secret> = Api::namespaced(plane.client().await?, NAMESPACE);
    let secret = secrets.get(&format!("{NAME}-certificates")).await?;
    let trusted = secret.data.context("data")?["ca.crt"].0.clone();
    let webhook = installation.replicas[0].webhook;
    let name = format!("{NAME}.{NAMESPACE}.svc");
    let ask = async |shown: Option<Pair>| {
        let mut client = reqwest::Client::builder()
            .tls_certs_only([reqwest::Certificate::from_pem(&trusted)?])
            .resolve(&name, webhook);
        if let Some(pair) = shown {
            let pem = format!("{}{}", pair.certificate, pair.key);
            client = client.identity(reqwest::Identity::from_pem(pem.as_bytes())?);
        }
        let url = format!("https://{name}:{}/admit", webhook.port());
        let request = client.build()?.post(url).body("{}");
        anyhow::Ok(request.send().await?.status().is_client_error())
    };
    assert!(ask(Some(clients.user("api-server", None))).await?);
    assert!(ask(Some(others.user("api-server", None))).await.is_err());
    assert!(ask(None).await.is_err());
    Ok(())
}
