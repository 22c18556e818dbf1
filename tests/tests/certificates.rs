//! By which certificates the API server and rollgate know each other: ones of one's own, a Secret that
//! somebody damaged, and one that the API server itself must show.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use rollgate_tests::certificate::{Authority, mount};
use rollgate_tests::control_plane::{ControlPlane, wait_for};
use rollgate_tests::files::Files;
use rollgate_tests::installation::{Installation, NAME, NAMESPACE, asked_for, certificates};
use rollgate_tests::report::unbroken;
use rollgate_tests::traffic::{Traffic, careless, failed_calls, probes};
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard, OnceCell};

/// The control plane of this file, with rollgate installed and no replica of it. Its tests take turns,
/// since there is one registration.
async fn turn() -> Result<(MutexGuard<'static, ()>, &'static ControlPlane)> {
    static INSTALLED: OnceCell<()> = OnceCell::const_new();
    static TURN: Mutex<()> = Mutex::const_new(());
    let turn = TURN.lock().await;
    let plane = ControlPlane::shared().await;
    let install = async || Installation::new(plane, 0, &[]).await.map(drop);
    INSTALLED.get_or_try_init(install).await?;
    Ok((turn, plane))
}

/// A new namespace in which every container needs a readiness probe, once the API server asks about it.
async fn judged_namespace(plane: &ControlPlane, rollgate: &Installation<'_>) -> Result<String> {
    let shop = with_policy(plane).await?;
    rollgate
        .registered(|registered| !asked_for(registered).is_empty())
        .await?;
    rollgate.in_force(&format!("{shop}/probes")).await;
    denied(plane, &shop).await?;
    Ok(shop)
}

async fn with_policy(plane: &ControlPlane) -> Result<String> {
    let shop = plane.namespace("shop").await?;
    let apply = plane.kubectl(["apply", "--filename=-"]);
    apply.input(probes(&shop).to_string()).ok().await?;
    Ok(shop)
}

/// Waits until the API server has a policy's denial.
async fn denied(plane: &ControlPlane, namespace: &str) -> Result<()> {
    refused(plane, namespace, "denied the request: create of Deployment").await
}

/// Waits until a careless Deployment is refused with these words.
async fn refused(plane: &ControlPlane, namespace: &str, words: &str) -> Result<()> {
    let create = ["create", "--dry-run=server", "--filename=-", "--namespace"];
    wait_for(&format!("a refusal with `{words}`"), async || {
        let create = plane.kubectl(create).arg(namespace);
        let output = create.input(careless().to_string()).run().await?;
        let said = unbroken(&output.stderr);
        ensure!(!output.status.success() && said.contains(words), "{said}");
        Ok(Some(()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "make test"]
async fn ca_bundle_from_a_file_is_registered_and_replacing_all_files_fails_no_call() -> Result<()> {
    let (_turn, plane) = turn().await?;
    let host = format!("{NAME}.{NAMESPACE}.svc");
    let files = Files::named(&host);
    files.put("ca.crt", files.authority.pem.as_bytes());
    let arguments = [
        ("--tls-cert", files.tls().join("tls.crt")),
        ("--tls-key", files.tls().join("tls.key")),
        ("--ca-bundle", files.policies().join("ca.crt")),
    ]
    .map(|(name, path)| format!("{name}={}", path.display()));
    let arguments = arguments.each_ref().map(String::as_str);
    let rollgate = Installation::again(plane, 2, &arguments).await?;
    let shop = judged_namespace(plane, &rollgate).await?;
    trusts(&rollgate, &files.authority.pem).await?;

    let before = failed_calls(plane).await?;
    let traffic = Traffic::start(plane, &shop).await?;
    let next = Authority::new();
    let both = format!("{}{}", files.authority.pem, next.pem);
    files.put("ca.crt", both.as_bytes());
    trusts(&rollgate, &both).await?;
    traffic.more(100).await;
    mount(&files.tls(), "..v1", &next.server(&[&host]));
    for replica in &rollgate.replicas {
        let reloaded = "rollgate_reloads_total{subject=\"certificate\",outcome=\"ok\"} 1";
        replica
            .until("/metrics", |_, text| text.contains(reloaded))
            .await;
    }
    files.put("ca.crt", next.pem.as_bytes());
    trusts(&rollgate, &next.pem).await?;
    traffic.more(100).await;
    files.put("ca.crt", b"no certificate");
    let stale = "rollgate_reload_stale{subject=\"registration\"} 1";
    wait_for(
        "the holder of the Lease to find the bundle damaged",
        async || {
            let mut told = false;
            for replica in &rollgate.replicas {
                told |= replica.get("/metrics").await.1.contains(stale);
            }
            Ok(told.then_some(()))
        },
    )
    .await?;
    traffic.more(100).await;
    trusts(&rollgate, &next.pem).await?;
    let seen = traffic.end().await;
    let lost = [&seen.failed, &seen.without_response].map(Vec::len);
    assert!(lost == [0, 0] && seen.wrong.is_empty(), "{seen:?}");
    assert_eq!(failed_calls(plane).await?, before);
    let secret = secrets(plane).await?.get_opt(&certificates()).await?;
    assert!(secret.is_none(), "it makes none of its own");
    Ok(())
}

/// Waits until every webhook of the registration trusts exactly this.
async fn trusts(rollgate: &Installation<'_>, pem: &str) -> Result<()> {
    let registered = rollgate.registered(|registered| {
        let mut bundles = registered.webhooks.iter().flatten();
        bundles.all(|webhook| {
            let bundle = webhook.client_config.ca_bundle.as_ref();
            bundle.is_some_and(|bundle| bundle.0 == pem.as_bytes())
        })
    });
    registered.await?;
    Ok(())
}

/// So that a certificate is replaced within seconds.
const QUICK: [&str; 2] = ["--certificate-lifetime=10m", "--certificate-spread=2s"];

async fn secrets(plane: &ControlPlane) -> Result<Api<Secret>> {
    Ok(Api::namespaced(plane.client().await?, NAMESPACE))
}

/// What somebody may do to the Secret, as a merge patch.
fn damages() -> [(&'static str, Value); 6] {
    // In base64: `garbage`, and bytes that are no text.
    let (garbage, no_text) = ("Z2FyYmFnZQ==", "//79AAE=");
    [
        ("tls.crt", json!({ "data": { "tls.crt": garbage } })),
        ("tls.key", json!({ "data": { "tls.key": no_text } })),
        ("ca.crt", json!({ "data": { "ca.crt": garbage } })),
        ("no tls.key", json!({ "data": { "tls.key": null } })),
        (
            "all",
            json!({ "data": { "tls.crt": no_text, "tls.key": garbage, "ca.crt": no_text } }),
        ),
        ("empty", json!({ "data": null })),
    ]
}

/// Waits until the Secret has what replicas serve with and nothing that is still to come.
async fn whole(secrets: &Api<Secret>) -> Result<()> {
    wait_for("the Secret to be whole", async || {
        let Some(secret) = secrets.get_opt(&certificates()).await? else {
            return Ok(None);
        };
        let data = secret.data.unwrap_or_default();
        let pem = |key: &str| {
            let text = data.get(key).map(|bytes| String::from_utf8_lossy(&bytes.0));
            text.is_some_and(|text| text.starts_with("-----BEGIN "))
        };
        let sound = ["tls.crt", "tls.key", "ca.crt"].into_iter().all(pem);
        let settled =
            data.len() == 3 && secret.metadata.annotations.is_none_or(|all| all.is_empty());
        Ok((sound && settled).then_some(()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "make test"]
async fn secret_damaged_under_load_is_repaired_and_no_call_fails() -> Result<()> {
    let (_turn, plane) = turn().await?;
    let mut rollgate = Installation::again(plane, 2, &QUICK).await?;
    let shop = judged_namespace(plane, &rollgate).await?;
    let secrets = secrets(plane).await?;
    whole(&secrets).await?;

    let before = failed_calls(plane).await?;
    let traffic = Traffic::start(plane, &shop).await?;
    for (what, damage) in damages() {
        let patch = Patch::Merge(&damage);
        let params = PatchParams::default();
        secrets.patch(&certificates(), &params, &patch).await?;
        whole(&secrets).await.context(what)?;
        traffic.more(20).await;
    }
    secrets
        .delete(&certificates(), &DeleteParams::default())
        .await?;
    whole(&secrets).await.context("deleted")?;
    traffic.more(20).await;
    let seen = traffic.end().await;
    let lost = [&seen.failed, &seen.without_response].map(Vec::len);
    assert!(lost == [0, 0] && seen.wrong.is_empty(), "{seen:?}");
    assert_eq!(failed_calls(plane).await?, before);

    let logged = rollgate.end();
    let damages = logged
        .iter()
        .flatten()
        .filter_map(|line| line["damage"].as_str());
    let damages: BTreeSet<&str> = damages.collect();
    assert_eq!(
        Vec::from_iter(damages),
        [
            "`tls.crt`: no certificate is in it: a block `-----BEGIN CERTIFICATE-----` is expected",
            "`tls.crt`: no private key is in it: a block `-----BEGIN PRIVATE KEY-----` is expected",
        ]
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "make test"]
async fn replicas_that_start_with_a_damaged_secret_repair_it_and_then_no_call_fails() -> Result<()>
{
    let (_turn, plane) = turn().await?;
    let mut rollgate = Installation::again(plane, 0, &[]).await?;
    let secrets = secrets(plane).await?;
    let garbage = json!({
        "metadata": { "name": certificates() },
        "stringData": { "tls.crt": "garbage", "tls.key": "garbage", "ca.crt": "garbage" },
    });
    let garbage = serde_json::from_value(garbage)?;
    secrets.create(&PostParams::default(), &garbage).await?;
    rollgate.start_all(2, &QUICK).await;
    let shop = judged_namespace(plane, &rollgate).await?;
    whole(&secrets).await?;

    // Now the API server trusts what nobody serves with any more.
    rollgate.end();
    let (_, damage) = damages()[4].clone();
    let params = PatchParams::default();
    let patch = Patch::Merge(&damage);
    secrets.patch(&certificates(), &params, &patch).await?;
    refused(plane, &shop, "failed calling webhook").await?;
    rollgate.start_all(2, &QUICK).await;
    denied(plane, &shop).await?;
    let before = failed_calls(plane).await?;
    let traffic = Traffic::start(plane, &shop).await?;
    whole(&secrets).await?;
    traffic.more(100).await;
    let seen = traffic.end().await;
    let lost = [&seen.failed, &seen.without_response].map(Vec::len);
    assert!(lost == [0, 0] && seen.wrong.is_empty(), "{seen:?}");
    assert_eq!(failed_calls(plane).await?, before);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "make test"]
async fn api_server_is_answered_once_it_shows_the_required_client_certificate() -> Result<()> {
    let (_turn, plane) = turn().await?;
    let (clients, others) = (Authority::new(), Authority::new());
    let files = Files::new();
    let file = files.policies().join("clients.crt");
    fs::write(&file, &clients.pem)?;
    let client_ca = format!("--client-ca={}", file.display());
    let rollgate = Installation::again(plane, 1, &[&client_ca]).await?;
    let shop = with_policy(plane).await?;
    rollgate
        .registered(|registered| !asked_for(registered).is_empty())
        .await?;
    let not_heard = "failed calling webhook \"workloads.rollgate.dev\"";
    refused(plane, &shop, not_heard).await?;
    let host = rollgate.host();
    plane
        .show_certificate(&host, &others.user("api-server", None))
        .await?;
    refused(plane, &shop, not_heard).await?;
    plane
        .show_certificate(&host, &clients.user("api-server", None))
        .await?;
    denied(plane, &shop).await
}
