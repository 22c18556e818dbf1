//! Policies as objects of a real cluster: what the API server refuses, how they come into force, what
//! is said in their status, and by whom.

use std::time::Duration;

use anyhow::{Context as _, Result};
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::Api;
use rollgate_tests::cart::{careless, creation};
use rollgate_tests::control_plane::{ControlPlane, Turn, wait_for};
use rollgate_tests::files::{Files, ask};
use rollgate_tests::load::Outcome;
use rollgate_tests::server::{Serve, binary};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

/// The control plane of this file, with rollgate's kinds.
async fn plane() -> &'static ControlPlane {
    static INSTALLED: OnceCell<()> = OnceCell::const_new();
    let plane = ControlPlane::shared().await;
    let install = async || install(plane).await.expect("the definitions are taken");
    INSTALLED.get_or_init(install).await;
    plane
}

/// The same for a test with servers of its own: no other test has one, and no policy is left of those
/// before.
async fn turn() -> Result<Turn> {
    let turn = ControlPlane::turn().await;
    plane().await;
    let kinds = "rolloutpolicies,clusterrolloutpolicies,metricsources";
    let delete = ["delete", kinds, "--all", "--all-namespaces"];
    turn.kubectl(delete).ok().await?;
    Ok(turn)
}

/// As a person does it.
async fn install(plane: &ControlPlane) -> Result<()> {
    let printed = std::process::Command::new(binary()).arg("crds").output()?;
    let definitions = String::from_utf8(printed.stdout)?;
    let apply = ["apply", "--server-side", "--filename=-"];
    plane.kubectl(apply).input(&definitions).ok().await?;
    let established = ["wait", "--for=condition=Established", "--filename=-"];
    plane.kubectl(established).input(definitions).ok().await?;
    Ok(())
}

fn policy(namespace: &str, name: &str, spec: &Value) -> String {
    json!({
        "apiVersion": "rollgate.dev/v1alpha1",
        "kind": "RolloutPolicy",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    })
    .to_string()
}

async fn apply(plane: &ControlPlane, object: String) -> Result<String> {
    let apply = plane.kubectl(["apply", "--filename=-"]);
    apply.input(object).ok().await
}

fn serve(plane: &ControlPlane, files: &Files, namespace: &str, more: &[&str]) -> Serve {
    files.serve_cluster(&plane.kubeconfig(), namespace, more)
}

/// Waits until the condition `Ready` of a policy is this, and gives its reason and message.
async fn ready_is(
    plane: &ControlPlane,
    namespace: &str,
    name: &str,
    status: &str,
) -> Result<(String, String)> {
    wait_for(&format!("{name} to be Ready={status}"), async || {
        let object = get(plane, namespace, name).await?;
        let observed = object["status"]["observedGeneration"] == object["metadata"]["generation"];
        let ready = &object["status"]["conditions"][0];
        let word = |field: &str| ready[field].as_str().unwrap_or_default().to_owned();
        let there = observed && ready["type"] == "Ready" && ready["status"] == status;
        Ok(there.then(|| (word("reason"), word("message"))))
    })
    .await
}

async fn get(plane: &ControlPlane, namespace: &str, name: &str) -> Result<Value> {
    let get = ["get", "rolloutpolicy", name, "--output=json"];
    let object = plane.kubectl(get).args(["--namespace", namespace]);
    Ok(serde_json::from_str(&object.ok().await?)?)
}

async fn allows(files: &Files, server: &Serve, namespace: &str) -> bool {
    let review = creation(careless("cart:1"), namespace);
    let answer = ask(&files.client(), server, &review).await;
    answer["response"]["allowed"]
        .as_bool()
        .expect("each answer says so")
}

async fn until_allowed_is(
    files: &Files,
    server: &Serve,
    namespace: &str,
    wanted: bool,
) -> Result<()> {
    wait_for(&format!("allowed to be {wanted}"), async || {
        Ok((allows(files, server, namespace).await == wanted).then_some(()))
    })
    .await
}

fn none_failed(outcome: &Outcome) {
    assert_eq!(outcome.failed, Vec::<String>::new());
    println!("{} requests, none failed", outcome.answered.len());
}

#[tokio::test]
#[ignore = "make test"]
async fn api_server_refuses_an_invalid_object_with_a_clear_message() -> Result<()> {
    let plane = plane().await;
    let mut told = String::new();
    for object in include_str!("../data/refused-objects.yaml").split("---\n") {
        let apply = plane.kubectl(["apply", "--server-side", "--filename=-"]);
        let refused = apply.input(object).refused().await?;
        // The API server tells several mistakes in any order.
        let mut lines: Vec<_> = refused.lines().collect();
        lines[1..].sort_unstable();
        told += &(lines.join("\n") + "\n");
    }
    insta::assert_snapshot!(told);
    Ok(())
}

#[tokio::test]
#[ignore = "make test"]
async fn spec_of_an_override_cannot_be_changed() -> Result<()> {
    let plane = plane().await;
    let shop = plane.namespace("shop").await?;
    let with = |reason: &str| {
        json!({
            "apiVersion": "rollgate.dev/v1alpha1",
            "kind": "RolloutOverride",
            "metadata": {"name": "incident-7", "namespace": shop},
            "spec": {
                "workload": {"kind": "Deployment", "name": "cart"},
                "policies": ["probes", "shop/probes"],
                "reason": reason,
                "expires": "2026-11-28T12:00:00Z",
            },
        })
        .to_string()
    };
    apply(plane, with("the shop is down")).await?;
    let change = plane.kubectl(["apply", "--filename=-"]);
    let refused = change.input(with("nothing to see here")).refused().await?;
    assert!(
        refused.contains("kept as a record and cannot be changed"),
        "{refused}"
    );
    Ok(())
}

#[tokio::test]
#[ignore = "make test"]
async fn kubectl_shows_policies_and_their_status() -> Result<()> {
    let turn = turn().await?;
    let plane = &*turn;
    let shop = plane.namespace("shop").await?;
    let files = Files::new();
    let server = serve(plane, &files, &shop, &[]);
    server.ready().await;
    let sound = json!({"module": {"builtin": "probes"}, "action": "Warn"});
    apply(plane, policy(&shop, "sound", &sound)).await?;
    let broken = json!({"module": {"builtin": "time-window"}, "settings": {"timezone": "Mars"}});
    apply(plane, policy(&shop, "broken", &broken)).await?;
    let (_, message) = ready_is(plane, &shop, "broken", "False").await?;
    assert!(
        message.contains(
            "spec.settings.timezone: there is no field `timezone` here; did you mean `timeZone`?"
        ),
        "{message}"
    );
    ready_is(plane, &shop, "sound", "True").await?;
    let digest = get(plane, &shop, "sound").await?["status"]["module"]["digest"].clone();
    let (_, info) = server.get("/info").await;
    assert!(
        info.contains(digest.as_str().context("a digest")?),
        "{info}"
    );

    let columns = plane
        .kubectl(["get", "rpol", "--namespace", &shop])
        .ok()
        .await?;
    let without_age: Vec<_> = columns
        .lines()
        .map(|line| {
            line.rsplit_once(' ')
                .map_or(line, |(line, _age)| line)
                .trim_end()
        })
        .collect();
    insta::assert_snapshot!(without_age.join("\n"));
    wait_for("an Event about the broken policy", async || {
        let events = plane.kubectl(["events", "--for=rolloutpolicy/broken", "--namespace", &shop]);
        Ok(events.ok().await?.contains("LoadFailed").then_some(()))
    })
    .await
}

#[tokio::test]
#[ignore = "make test"]
async fn policy_with_refused_settings_fails_until_it_is_fixed_or_deleted() -> Result<()> {
    let turn = turn().await?;
    let plane = &*turn;
    let shop = plane.namespace("shop").await?;
    let files = Files::new();
    let server = serve(plane, &files, &shop, &[]);
    server.ready().await;
    assert!(
        allows(&files, &server, &shop).await,
        "no policy is for it yet"
    );
    let broken = json!({"module": {"builtin": "time-window"}, "settings": {"nonsense": 1}});
    apply(plane, policy(&shop, "hours", &broken)).await?;
    until_allowed_is(&files, &server, &shop, false).await?;
    assert!(
        allows(&files, &server, "elsewhere").await,
        "it judges its own namespace only"
    );
    let always = json!({"module": {"builtin": "probes"}, "action": "Audit"});
    apply(plane, policy(&shop, "hours", &always)).await?;
    until_allowed_is(&files, &server, &shop, true).await?;
    ready_is(plane, &shop, "hours", "True").await?;
    apply(plane, policy(&shop, "hours", &broken)).await?;
    until_allowed_is(&files, &server, &shop, false).await?;
    let delete = ["delete", "rolloutpolicy", "hours", "--namespace", &shop];
    plane.kubectl(delete).ok().await?;
    until_allowed_is(&files, &server, &shop, true).await
}

#[tokio::test]
#[ignore = "make test"]
async fn policy_above_a_ceiling_is_not_loaded_and_its_status_says_why() -> Result<()> {
    let turn = turn().await?;
    let plane = &*turn;
    let shop = plane.namespace("shop").await?;
    let files = Files::new();
    let ceilings = ["--tenant-max-timeout=1s", "--tenant-max-policies=2"];
    let server = serve(plane, &files, &shop, &ceilings);
    server.ready().await;
    let spec = |timeout: &str| json!({"module": {"builtin": "probes"}, "action": "Audit", "onError": "Deny", "timeout": timeout});
    apply(plane, policy(&shop, "first", &spec("1s"))).await?;
    ready_is(plane, &shop, "first", "True").await?;
    assert!(allows(&files, &server, &shop).await);

    apply(plane, policy(&shop, "slow", &spec("20s"))).await?;
    let (reason, message) = ready_is(plane, &shop, "slow", "False").await?;
    assert_eq!(reason, "CeilingExceeded");
    assert!(
        message.contains(
            "spec.timeout: `20s` is above the ceiling for policies of namespaces, which is `1s`"
        ),
        "{message}"
    );
    // Only a limit for the number is left to exceed; creation times are whole seconds.
    apply(plane, policy(&shop, "slow", &spec("500ms"))).await?;
    ready_is(plane, &shop, "slow", "True").await?;
    tokio::time::sleep(Duration::from_millis(1100)).await;
    apply(plane, policy(&shop, "a-third", &spec("1s"))).await?;
    let (reason, message) = ready_is(plane, &shop, "a-third", "False").await?;
    assert_eq!(reason, "CeilingExceeded");
    assert!(
        message.contains("number 3 of the namespace") && message.contains("the ceiling is 2"),
        "{message}"
    );

    // The others are evaluated, and other namespaces are not concerned; a cluster policy has no ceiling.
    let cluster = json!({
        "apiVersion": "rollgate.dev/v1alpha1",
        "kind": "ClusterRolloutPolicy",
        "metadata": {"name": "patient"},
        "spec": spec("20s"),
    });
    apply(plane, cluster.to_string()).await?;
    let wait = [
        "wait",
        "--for=condition=Ready",
        "--timeout=60s",
        "crpol/patient",
    ];
    plane.kubectl(wait).ok().await?;
    ready_is(plane, &shop, "first", "True").await?;
    assert!(allows(&files, &server, "elsewhere").await);

    let delete = ["delete", "rolloutpolicy", "first", "--namespace", &shop];
    plane.kubectl(delete).ok().await?;
    ready_is(plane, &shop, "a-third", "True").await?;
    Ok(())
}

#[tokio::test]
#[ignore = "make test"]
async fn module_of_the_mounted_folder_is_loaded_and_reloaded() -> Result<()> {
    let turn = turn().await?;
    let plane = &*turn;
    let shop = plane.namespace("shop").await?;
    let files = Files::new();
    let folder = files.policies();
    let modules = ["--modules", folder.to_str().context("UTF-8")?];
    let server = serve(plane, &files, &shop, &modules);
    server.ready().await;
    let says = async |what: &str| server.until("/info", |_, info| info.contains(what)).await;
    let own = json!({"module": {"file": "own.wasm"}});
    apply(plane, policy(&shop, "own", &own)).await?;
    says("own.wasm cannot be read").await;
    let module = rollgate::config::builtin::module("probes").context("a bundled policy")?;
    files.put("own.wasm", module);
    says("\"module\": \"probes\"").await;
    assert!(!allows(&files, &server, &shop).await);
    files.put("own.wasm", b"no module");
    says("\"state\": \"refused\"").await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "make test"]
async fn changed_policies_become_active_without_a_restart_and_no_request_fails() -> Result<()> {
    let turn = turn().await?;
    let plane = &*turn;
    let shop = plane.namespace("shop").await?;
    let files = Files::new();
    let server = serve(plane, &files, &shop, &[]);
    server.ready().await;
    let load = files.load(server.webhook);
    for action in ["Enforce", "Audit", "Enforce", "Audit"] {
        let spec = json!({"module": {"builtin": "probes"}, "action": action});
        apply(plane, policy(&shop, "probes", &spec)).await?;
        until_allowed_is(&files, &server, &shop, action == "Audit").await?;
        load.more(30).await;
    }
    none_failed(&load.finish().await);
    Ok(())
}

#[tokio::test]
#[ignore = "make test"]
async fn another_replica_takes_over_the_lease_when_its_holder_ends() -> Result<()> {
    let turn = turn().await?;
    let plane = &*turn;
    let shop = plane.namespace("shop").await?;
    let files = Files::new();
    let deployment = [
        "create",
        "deployment",
        "rollgate",
        "--image=rollgate",
        "--replicas=0",
    ];
    let deployment = plane.kubectl(deployment).args(["--namespace", &shop]);
    deployment.ok().await?;
    let soon = ["--drain-delay", "0s"];
    let replica = |name: &'static str| {
        serve(
            plane,
            &files,
            &shop,
            &[&["--identity", name], &soon[..]].concat(),
        )
    };
    let one = replica("one");
    one.ready().await;
    holder_is(plane, &shop, "one").await?;
    let other = replica("other");
    other.ready().await;
    let spec = |action: &str| json!({"module": {"builtin": "probes"}, "action": action});
    apply(plane, policy(&shop, "probes", &spec("Audit"))).await?;
    ready_is(plane, &shop, "probes", "True").await?;
    let said = get(plane, &shop, "probes").await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let later = get(plane, &shop, "probes").await?;
    assert_eq!(
        said["metadata"]["resourceVersion"], later["metadata"]["resourceVersion"],
        "what is said is written once"
    );

    one.terminate();
    one.ended(Duration::from_secs(20)).await;
    holder_is(plane, &shop, "other").await?;
    apply(plane, policy(&shop, "probes", &spec("Warn"))).await?;
    ready_is(plane, &shop, "probes", "True").await?;

    let delete = ["delete", "deployment", "rollgate", "--namespace", &shop];
    other.terminate();
    other.ended(Duration::from_secs(20)).await;
    plane.kubectl(delete).ok().await?;
    let leases: Api<Lease> = Api::namespaced(plane.client().await?, &shop);
    wait_for("the Lease to go with the Deployment", async || {
        Ok(leases.get_opt("rollgate").await?.is_none().then_some(()))
    })
    .await
}

async fn holder_is(plane: &ControlPlane, namespace: &str, identity: &str) -> Result<()> {
    let leases: Api<Lease> = Api::namespaced(plane.client().await?, namespace);
    wait_for(&format!("{identity} to hold the Lease"), async || {
        let lease = leases.get_opt("rollgate").await?;
        let holder = lease.and_then(|lease| lease.spec?.holder_identity);
        Ok((holder.as_deref() == Some(identity)).then_some(()))
    })
    .await
}

#[tokio::test]
#[ignore = "make test"]
async fn policies_stay_active_while_the_api_server_is_down_and_change_afterwards() -> Result<()> {
    // Of its own: the others' would be away as well.
    let plane = ControlPlane::start().await?;
    install(&plane).await?;
    let shop = plane.namespace("shop").await?;
    let files = Files::new();
    let server = serve(&plane, &files, &shop, &[]);
    server.ready().await;
    let spec = |action: &str| json!({"module": {"builtin": "probes"}, "action": action});
    apply(&plane, policy(&shop, "probes", &spec("Enforce"))).await?;
    until_allowed_is(&files, &server, &shop, false).await?;
    let mut restarted = std::pin::pin!(plane.restart_api_server());
    let mut asked = 0;
    loop {
        tokio::select! {
            restarted = &mut restarted => break restarted?,
            allowed = allows(&files, &server, &shop) => {
                assert!(!allowed, "the policy was dropped while the API server was away");
                asked += 1;
            }
        }
    }
    assert!(asked > 10, "the API server was not away long enough to ask");
    assert_eq!(server.get("/readyz").await.0, 200);
    server
        .until("/metrics", |_, text| {
            text.contains("rollgate_watch_errors_total{kind=\"RolloutPolicy\"}")
        })
        .await;
    apply(&plane, policy(&shop, "probes", &spec("Audit"))).await?;
    until_allowed_is(&files, &server, &shop, true).await?;
    ready_is(&plane, &shop, "probes", "True").await?;
    Ok(())
}

#[tokio::test]
#[ignore = "make test"]
async fn server_without_crds_is_not_ready_and_says_what_to_do() -> Result<()> {
    let plane = ControlPlane::start().await?;
    let system = plane.namespace("gate").await?;
    let files = Files::new();
    let server = serve(&plane, &files, &system, &[]);
    let missing = server
        .until("/readyz", |_, text| text.contains("cannot be listed"))
        .await;
    assert!(
        missing.contains("apply what `rollgate crds` prints"),
        "{missing}"
    );
    install(&plane).await?;
    server.ready().await;
    Ok(())
}
