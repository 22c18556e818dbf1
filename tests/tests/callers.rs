//! Who may post reviews: on a real control plane, by the path and the certificate that the API server
//! has and others have not.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, DeleteParams, Patch, PatchParams};
use rollgate_tests::cart::{careful, careless, creation};
use rollgate_tests::certificate::Authority;
use rollgate_tests::control_plane::{ControlPlane, wait_for};
use rollgate_tests::guarded::{Guarded, Knowing};
use rollgate_tests::installation::{
    Installation, NAME, NAMESPACE, asked_for, certificates, path_of, webhook_path,
};
use rollgate_tests::report::unbroken;
use rollgate_tests::traffic::{Traffic, failed_calls, probes};
use serde_json::{Value, json};

const POLICIES: &str = include_str!("overrides/policies.yaml");

/// An override for one template of the cart.
fn single_use() -> Value {
    json!({
        "apiVersion": "rollgate.dev/v1alpha1",
        "kind": "RolloutOverride",
        "metadata": { "name": "fire" },
        "spec": {
            "workload": { "kind": "Deployment", "name": "cart" },
            "policies": ["probes"],
            "reason": "the shop is down",
            "expires": (Timestamp::now() + SignedDuration::from_hours(1)).to_string(),
            "singleUse": true,
        },
    })
}

/// A made-up change of a Deployment to another image, by somebody who may break the glass.
fn forged_update(image: &str, namespace: &str, metadata: &Value) -> Value {
    let mut review = forged_creation(image, namespace);
    let request = &mut review["request"];
    request["operation"] = "UPDATE".into();
    // Only what is new is denied.
    let mut old = creation(careful("cart:0"), namespace)["request"]["object"].take();
    for object in [&mut request["object"], &mut old] {
        for (field, value) in metadata.as_object().expect("fields") {
            object["metadata"][field] = value.clone();
        }
    }
    request["oldObject"] = old;
    review
}

fn forged_creation(image: &str, namespace: &str) -> Value {
    let mut review = creation(careless(image), namespace);
    review["request"]["userInfo"]["username"] = "ceo".into();
    review
}

/// Gives the override, and waits until every replica can use it.
async fn give(guarded: &Guarded) -> Result<()> {
    let create = guarded.kubectl(["create", "--filename=-"]);
    create.input(single_use().to_string()).ok().await?;
    let wait = ["wait", "--for=condition=Ready", "--timeout=60s"];
    let wait = guarded.kubectl(wait).arg("rolloutoverride/fire");
    wait.ok().await?;
    Ok(())
}

async fn uses(guarded: &Guarded) -> Result<Value> {
    let get = ["get", "rolloutoverride/fire", "--output=json"];
    let object: Value = serde_json::from_str(&guarded.kubectl(get).ok().await?)?;
    Ok(object["status"]["uses"].clone())
}

async fn events(guarded: &Guarded) -> Result<String> {
    let get = [
        "get",
        "events.events.k8s.io",
        "--selector=rollgate.dev/reason",
    ];
    guarded.kubectl(get).arg("--output=name").ok().await
}

/// Applies a careless cart, and gives what was said of it.
async fn apply(guarded: &Guarded, image: &str) -> Result<(bool, String)> {
    let apply = guarded.kubectl(["apply", "--filename=-"]);
    let output = apply.input(careless(image).to_string()).run().await?;
    Ok((output.status.success(), unbroken(&output.to_string())))
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "make test"]
async fn forged_review_without_the_secret_path_gets_404_and_binds_and_writes_nothing() -> Result<()>
{
    let guarded = Guarded::start_knowing(Knowing::ByPath, POLICIES).await?;
    give(&guarded).await?;
    let shop = &guarded.namespace;
    let old = json!({ "uid": "u-1", "resourceVersion": "1" });
    let guesses = ["/admit", "/admit/", "/admit/guess", "/", "/validate"];
    for path in guesses {
        for review in [
            forged_creation("nobody:1", shop),
            forged_update("nobody:1", shop, &old),
        ] {
            let response = guarded.post(0, path, &review).await?;
            assert_eq!(response.status(), 404, "{path}");
        }
    }
    let (_, metrics) = guarded.servers[0].get("/metrics").await;
    let refused = "rollgate_request_duration_seconds_count{code=\"404\"} 10\n";
    assert!(metrics.contains(refused), "{metrics}");

    // Who came to know the path makes up objects in vain.
    let does_not_apply = async |review: Value, why: &str| {
        let answer = guarded.ask(0, &review).await?;
        let message = &answer["response"]["status"]["message"];
        let message = unbroken(message.as_str().unwrap_or_default());
        ensure!(message.contains(why), "{message} instead of {why}");
        anyhow::Ok(())
    };
    let missing = "override fire does not apply: its use was not recorded: the object that this review changes does not exist";
    does_not_apply(forged_update("nobody:1", shop, &old), missing).await?;
    assert_eq!(uses(&guarded).await?, Value::Null);

    let (passed, said) = apply(&guarded, "cart:1").await?;
    assert!(
        passed && said.contains("override fire lets it pass"),
        "{said}"
    );
    let bound = uses(&guarded).await?;
    assert_eq!(bound.as_array().map(Vec::len), Some(1), "{bound}");
    let again = ["delete", "rolloutoverride/fire"];
    guarded.kubectl(again).ok().await?;
    give(&guarded).await?;
    does_not_apply(
        forged_creation("nobody:1", shop),
        "the object that this review creates exists already",
    )
    .await?;
    does_not_apply(
        forged_update("nobody:1", shop, &old),
        "the object that this review changes has another UID in the cluster",
    )
    .await?;
    let get = [
        "get",
        "deployment/cart",
        "--output=jsonpath={.metadata.uid}",
    ];
    let uid = guarded.kubectl(get).ok().await?;
    let stale = json!({ "uid": uid, "resourceVersion": "1" });
    does_not_apply(
        forged_update("nobody:1", shop, &stale),
        "the object has changed in the cluster since this review was made",
    )
    .await?;
    assert_eq!(uses(&guarded).await?, Value::Null);
    // Only what is new is denied, and needs the override.
    let sound = guarded.kubectl(["apply", "--filename=-"]);
    sound.input(careful("cart:2").to_string()).ok().await?;
    let (passed, said) = apply(&guarded, "cart:3").await?;
    assert!(passed, "{said}");
    assert_eq!(uses(&guarded).await?.as_array().map(Vec::len), Some(1));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "make test"]
async fn server_that_cannot_tell_callers_apart_answers_and_writes_nothing() -> Result<()> {
    let mut guarded = Guarded::start_knowing(Knowing::Not, POLICIES).await?;
    give(&guarded).await?;
    let (passed, said) = apply(&guarded, "cart:1").await?;
    let why = "override fire does not apply: rollgate records no use of it, because it cannot verify that the API server sent this review; the operator of rollgate has to set --client-ca or --path-secret";
    assert!(!passed && said.contains(why), "{said}");
    let shop = guarded.namespace.clone();
    let answer = guarded.ask(0, &forged_creation("nobody:1", &shop)).await?;
    assert_eq!(answer["response"]["allowed"], false, "{answer}");
    assert_eq!(uses(&guarded).await?, Value::Null);
    let server = guarded.servers.remove(0);
    let log = server.log_to_the_end();
    let said = log.iter().filter(|line| {
        let message = line["message"].as_str().unwrap_or_default();
        message.contains("rollgate writes nothing because of a review") && line["level"] == "WARN"
    });
    assert_eq!(said.count(), 1, "{log:#?}");
    // What the last reviews left to be written is written by now.
    assert_eq!(events(&guarded).await?, "");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "make test"]
async fn api_server_that_shows_its_certificate_is_known_and_others_are_not_let_in() -> Result<()> {
    let clients = Authority::new();
    let guarded = Guarded::start_knowing(Knowing::ByCertificate(&clients), POLICIES).await?;
    give(&guarded).await?;
    let forged = forged_creation("nobody:1", &guarded.namespace);
    let refused = guarded.post(0, "/admit", &forged).await;
    assert!(refused.is_err(), "{refused:?}");
    assert_eq!(uses(&guarded).await?, Value::Null);
    let (passed, said) = apply(&guarded, "cart:1").await?;
    assert!(
        passed && said.contains("override fire lets it pass"),
        "{said}"
    );
    let uses = uses(&guarded).await?;
    assert_eq!(uses.as_array().map(Vec::len), Some(1), "{uses}");
    wait_for("an Event of its use", async || {
        Ok((!events(&guarded).await?.is_empty()).then_some(()))
    })
    .await
}

/// So that the path is renewed within seconds.
const QUICK: [&str; 2] = ["--path-lifetime=36s", "--path-spread=3s"];

async fn secrets(plane: &ControlPlane) -> Result<Api<Secret>> {
    Ok(Api::namespaced(plane.client().await?, NAMESPACE))
}

/// The paths that the Secret holds, by key.
async fn kept(secrets: &Api<Secret>, key: &str) -> Result<Option<String>> {
    let secret = secrets.get_opt(&webhook_path()).await?;
    let data = secret.and_then(|secret| secret.data).unwrap_or_default();
    let found = data.get(key).map(|bytes| String::from_utf8_lossy(&bytes.0));
    Ok(found.map(|secret| format!("/admit/{secret}")))
}

/// The path that the registration names, once it is another than these.
async fn another(installation: &Installation<'_>, known: &BTreeSet<String>) -> Result<String> {
    let named = |registered: &_| path_of(registered).is_some_and(|path| !known.contains(path));
    let registered = installation.registered(named).await?;
    Ok(path_of(&registered).context("a path")?.to_owned())
}

/// The replica that holds the Lease.
async fn holder(plane: &ControlPlane, gone: &str) -> Result<String> {
    let leases: Api<Lease> = Api::namespaced(plane.client().await?, NAMESPACE);
    wait_for("a holder of the Lease", async || {
        let spec = leases.get(NAME).await?.spec.unwrap_or_default();
        Ok(spec
            .holder_identity
            .filter(|holder| !holder.is_empty() && holder != gone))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "make test"]
async fn secret_path_is_renewed_lost_and_handed_over_under_load_and_no_call_fails() -> Result<()> {
    let plane = ControlPlane::start().await?;
    let mut installation = Installation::new(&plane, 2, &QUICK).await?;
    let shop = plane.namespace("shop").await?;
    let apply = plane.kubectl(["apply", "--filename=-"]);
    apply.input(probes(&shop).to_string()).ok().await?;
    installation
        .registered(|registered| !asked_for(registered).is_empty())
        .await?;
    installation.in_force(&format!("{shop}/probes")).await;
    let secrets = secrets(&plane).await?;
    let mut paths = BTreeSet::from([another(&installation, &BTreeSet::new()).await?]);
    let before = failed_calls(&plane).await?;
    let traffic = Traffic::start(&plane, &shop).await?;
    traffic.more(40).await;

    // At intervals.
    let from = Instant::now();
    while paths.len() < 3 {
        paths.insert(another(&installation, &paths).await?);
        ensure!(from.elapsed() < Duration::from_secs(120), "no renewal");
    }
    // By hand: the Secret comes back around the path that is called, and damage does no harm.
    secrets
        .delete(&webhook_path(), &DeleteParams::default())
        .await?;
    wait_for("the Secret to come back", async || {
        kept(&secrets, "current").await
    })
    .await?;
    traffic.more(40).await;
    let garbage = json!({ "data": { "current": "Z2FyYmFnZQ==", "next": null, "previous": null } });
    let patch = Patch::Merge(&garbage);
    secrets
        .patch(&webhook_path(), &PatchParams::default(), &patch)
        .await?;
    wait_for("the Secret to be whole", async || {
        let current = kept(&secrets, "current").await?;
        Ok(current.filter(|current| current != "/admit/garbage"))
    })
    .await?;
    traffic.more(40).await;
    paths.insert(another(&installation, &paths).await?);

    // After each start of the holder.
    installation.start(&QUICK);
    installation.replicas[2].ready().await;
    let first = holder(&plane, "").await?;
    let index: usize = first.trim_start_matches("replica-").parse()?;
    let leaving = installation.replicas.remove(index);
    leaving.terminate();
    leaving.ended(Duration::from_secs(60)).await;
    holder(&plane, &first).await?;
    paths.insert(another(&installation, &paths).await?);
    traffic.more(100).await;

    let seen = traffic.end().await;
    let lost = [&seen.failed, &seen.without_response].map(Vec::len);
    assert!(lost == [0, 0] && seen.wrong.is_empty(), "{seen:?}");
    assert_eq!(failed_calls(&plane).await?, before);
    hidden(&mut installation, &paths).await;
    Ok(())
}

/// Nothing that rollgate tells of itself has a path in it.
async fn hidden(installation: &mut Installation<'_>, paths: &BTreeSet<String>) {
    let mut told = String::new();
    for replica in &installation.replicas {
        for path in ["/info", "/metrics", "/readyz"] {
            told += &replica.get(path).await.1;
        }
    }
    for line in installation.end().iter().flatten() {
        told += &line.to_string();
    }
    assert!(told.contains("rollgate_reviews_total"));
    for path in paths {
        let secret = path.trim_start_matches("/admit/");
        assert!(!told.contains(secret), "a secret path is told");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "make test"]
async fn path_is_secret_with_certificates_from_files_too() -> Result<()> {
    let plane = ControlPlane::start().await?;
    let host = format!("{NAME}.{NAMESPACE}.svc");
    let files = rollgate_tests::files::Files::named(&host);
    let arguments = [
        format!("--tls-cert={}", files.tls().join("tls.crt").display()),
        format!("--tls-key={}", files.tls().join("tls.key").display()),
        format!(
            "--ca-bundle={}",
            files.beside("ca.crt", &files.authority.pem)
        ),
    ];
    let arguments = arguments.each_ref().map(String::as_str);
    let installation = Installation::new(&plane, 1, &arguments).await?;
    let shop = plane.namespace("shop").await?;
    let apply = plane.kubectl(["apply", "--filename=-"]);
    apply.input(probes(&shop).to_string()).ok().await?;
    let named = another(&installation, &BTreeSet::new()).await?;
    let secrets = secrets(&plane).await?;
    assert_eq!(kept(&secrets, "current").await?, Some(named));
    assert!(secrets.get_opt(&certificates()).await?.is_none());
    Ok(())
}
