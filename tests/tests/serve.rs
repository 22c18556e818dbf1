//! `rollgate serve` as a process: what operators rely on while it runs, reloads and ends.

use std::time::Duration;

use rollgate_tests::balancer::Balancer;
use rollgate_tests::cart::{careless, creation};
use rollgate_tests::certificate::mount;
use rollgate_tests::files::{Files, ask};
use rollgate_tests::load::Outcome;
use serde_json::Value;
use tokio::time::sleep;

fn policy(action: &str, settings: &str) -> String {
    format!(
        "apiVersion: rollgate.dev/v1alpha1\nkind: ClusterRolloutPolicy\nmetadata:\n  name: probes\nspec:\n  \
         module:\n    builtin: probes\n  action: {action}\n  settings: {settings}\n"
    )
}

/// A create of a Deployment without any probe.
fn review() -> Value {
    creation(careless("cart:1"), "shop")
}

fn none_failed(outcome: &Outcome) {
    assert_eq!(outcome.failed, Vec::<String>::new());
    println!(
        "{} requests on {} connections, none failed",
        outcome.answered.len(),
        outcome.connections
    );
}

#[tokio::test]
async fn decision_is_counted_and_logged() {
    let files = Files::new();
    files.policy(&policy("Enforce", "{}"));
    let server = files.serve(&[]);
    server.ready().await;
    let answer = ask(&files.client(), &server, &review()).await;
    assert_eq!(answer["response"]["uid"], "u-1");
    assert_eq!(answer["response"]["allowed"], false);
    assert_eq!(answer["response"]["status"]["code"], 403);
    let message = answer["response"]["status"]["message"]
        .as_str()
        .expect("a message");
    assert!(
        message.contains("spec.template.spec.containers[0].readinessProbe"),
        "{message}"
    );
    let (_, metrics) = server.get("/metrics").await;
    let counted = "rollgate_decisions_total{policy=\"probes\",verdict=\"deny\",change=\"create\",kind=\"Deployment\"} 1";
    assert!(metrics.contains(counted), "{metrics}");
    let (_, info) = server.get("/info").await;
    let info: Value = serde_json::from_str(&info).expect("JSON");
    assert_eq!(info["policies"][0]["state"], "ready");
    assert!(
        info["policies"][0]["digest"]
            .as_str()
            .is_some_and(|digest| digest.starts_with("sha256:")),
        "{info}"
    );
}

#[tokio::test]
async fn readiness_fails_until_a_broken_file_is_fixed() {
    let files = Files::new();
    files.policy("kind: ClusterRolloutPolicy\nspec: [\n");
    let server = files.serve(&[]);
    let missing = server
        .until("/readyz", |_, text| text.contains("probes.yaml"))
        .await;
    assert!(missing.contains("policies/probes.yaml:"), "{missing}");
    files.policy(&policy("Enforce", "{}"));
    server.ready().await;
}

#[tokio::test]
async fn broken_file_keeps_the_last_good_policies_active() {
    let files = Files::new();
    files.policy(&policy("Enforce", "{}"));
    let server = files.serve(&[]);
    server.ready().await;
    files.policy("kind: ClusterRolloutPolicy\nspec: [\n");
    server
        .until("/metrics", |_, text| {
            text.contains("rollgate_reload_stale{subject=\"policies\"} 1")
        })
        .await;
    let (_, info) = server.get("/info").await;
    let info: Value = serde_json::from_str(&info).expect("JSON");
    assert!(
        info["problems"][0]
            .as_str()
            .is_some_and(|problem| problem.contains("probes.yaml")),
        "{info}"
    );
    assert_eq!(server.get("/readyz").await.0, 200);
    assert_eq!(
        ask(&files.client(), &server, &review()).await["response"]["allowed"],
        false
    );
}

#[tokio::test]
async fn policy_with_invalid_settings_stays_active_and_fails() {
    let files = Files::new();
    files.policy(&policy("Enforce", "{nonsense: 1}"));
    let server = files.serve(&[]);
    server.ready().await;
    let answer = ask(&files.client(), &server, &review()).await;
    assert_eq!(answer["response"]["allowed"], false);
    let message = answer["response"]["status"]["message"]
        .as_str()
        .expect("a message");
    assert!(message.contains("probes.yaml:"), "{message}");
    let (_, info) = server.get("/info").await;
    assert!(info.contains("\"state\": \"refused\""), "{info}");
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_policies_become_active_without_a_lost_request() {
    let files = Files::new();
    files.policy(&policy("Enforce", "{}"));
    let server = files.serve(&[]);
    server.ready().await;
    let load = files.load(server.webhook);
    let client = files.client();
    for action in ["Audit", "Enforce", "Audit", "Enforce", "Audit"] {
        files.policy(&policy(action, "{}"));
        let wanted = action == "Audit";
        while ask(&client, &server, &review()).await["response"]["allowed"] != wanted {
            sleep(Duration::from_millis(20)).await;
        }
        load.more(30).await;
    }
    none_failed(&load.finish().await);
    let (_, metrics) = server.get("/metrics").await;
    assert!(
        metrics.contains("rollgate_reloads_total{subject=\"policies\",outcome=\"ok\"} 6"),
        "{metrics}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn new_certificate_is_served_without_a_lost_request() {
    let files = Files::new();
    files.policy(&policy("Enforce", "{}"));
    let server = files.serve(&[]);
    server.ready().await;
    let load = files.load(server.webhook);
    for year in 2041..2046 {
        mount(
            &files.tls(),
            &format!("..v{year}"),
            &files.authority.sign(year),
        );
        let end = format!("{year}-12-31");
        let renewed = server.logged("new connections are served with the new certificate");
        assert!(
            renewed["not_after"]
                .as_str()
                .is_some_and(|at| at.starts_with(&end)),
            "{renewed}"
        );
        load.more(30).await;
    }
    none_failed(&load.finish().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_under_load_loses_no_request_with_a_second_replica() {
    let files = Files::new();
    files.policy(&policy("Enforce", "{}"));
    let drain = ["--drain-delay", "1s", "--drain-timeout", "10s"];
    let (leaving, staying) = (files.serve(&drain), files.serve(&drain));
    leaving.ready().await;
    staying.ready().await;
    let balancer = Balancer::start(&[&leaving, &staying]);
    let load = files.load(balancer.address);
    load.more(100).await;
    leaving.terminate();
    let status = leaving.ended(Duration::from_secs(15)).await;
    load.more(100).await;
    none_failed(&load.finish().await);
    assert!(status.success(), "{status}");
}

#[tokio::test]
async fn second_sigterm_exits_at_once() {
    let files = Files::new();
    files.policy(&policy("Enforce", "{}"));
    let server = files.serve(&["--drain-delay", "60s"]);
    server.ready().await;
    server.terminate();
    server.until("/readyz", |status, _| status == 503).await;
    server.terminate();
    let status = server.ended(Duration::from_secs(5)).await;
    assert_eq!(status.code(), Some(2));
}
