//! `rollgate serve` as a process: what operators rely on while it runs, reloads and ends.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rollgate_tests::balancer::Balancer;
use rollgate_tests::certificate::{Authority, mount};
use rollgate_tests::judging::UPDATE_16K;
use rollgate_tests::load::{Load, Outcome, Plan, Protocol};
use rollgate_tests::server::Serve;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::sleep;

/// A server's files: a certificate mounted as a Secret, and a folder of policies.
struct Files {
    folder: TempDir,
    authority: Authority,
}

impl Files {
    fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        let authority = Authority::new();
        for name in ["tls", "policies"] {
            fs::create_dir(folder.path().join(name)).expect("a folder");
        }
        mount(&folder.path().join("tls"), "..v0", &authority.sign(2040));
        Self { folder, authority }
    }

    fn tls(&self) -> PathBuf {
        self.folder.path().join("tls")
    }

    /// In one step, as careful tools write.
    fn policy(&self, text: &str) {
        let staged = self.folder.path().join("staged");
        fs::write(&staged, text).expect("written");
        fs::rename(staged, self.folder.path().join("policies/probes.yaml")).expect("renamed");
    }

    fn serve(&self, more: &[&str]) -> Serve {
        let path = |path: &str| self.folder.path().join(path).into_os_string();
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join("serve-cache")
            .into_os_string();
        let arguments = [
            ("--tls-cert", path("tls/tls.crt")),
            ("--tls-key", path("tls/tls.key")),
            ("--policies", path("policies")),
            ("--cache", cache),
            ("--slots", "16".into()),
        ];
        let arguments = arguments
            .into_iter()
            .flat_map(|(name, value)| [name.into(), value]);
        Serve::start(arguments.chain(more.iter().map(Into::into)))
    }

    fn client(&self) -> reqwest::Client {
        let ca = reqwest::Certificate::from_pem(self.authority.pem.as_bytes()).expect("PEM");
        reqwest::Client::builder()
            .tls_certs_only([ca])
            .build()
            .expect("a client")
    }

    /// Four clients as the API server is one, and two that speak HTTP/2.
    fn load(&self, address: SocketAddr) -> Load {
        let plan = |protocol, reconnect_after| Plan {
            address,
            ca: self.authority.pem.clone(),
            protocol,
            review: UPDATE_16K.into(),
            pause: Duration::from_millis(5),
            reconnect_after,
        };
        Load::start([
            plan(Protocol::Http1, None),
            plan(Protocol::Http1, None),
            plan(Protocol::Http1, Some(7)),
            plan(Protocol::Http1, Some(1)),
            plan(Protocol::Http2, None),
            plan(Protocol::Http2, Some(7)),
        ])
    }
}

fn policy(action: &str, settings: &str) -> String {
    format!(
        "apiVersion: rollgate.dev/v1alpha1\nkind: ClusterRolloutPolicy\nmetadata:\n  name: probes\nspec:\n  \
         module:\n    builtin: probes\n  action: {action}\n  settings: {settings}\n"
    )
}

/// A create of a Deployment without any probe.
fn careless() -> Value {
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "u-1",
            "kind": {"group": "apps", "version": "v1", "kind": "Deployment"},
            "resource": {"group": "apps", "version": "v1", "resource": "deployments"},
            "name": "cart",
            "namespace": "shop",
            "operation": "CREATE",
            "userInfo": {"username": "jo"},
            "object": {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": "cart", "namespace": "shop"},
                "spec": {
                    "selector": {"matchLabels": {"app": "cart"}},
                    "template": {
                        "metadata": {"labels": {"app": "cart"}},
                        "spec": {"containers": [{"name": "main", "image": "cart:1", "ports": [{"containerPort": 80}]}]}
                    }
                }
            }
        }
    })
}

async fn ask(client: &reqwest::Client, server: &Serve, review: &Value) -> Value {
    let url = format!(
        "https://localhost:{}/admit?timeout=10s",
        server.webhook.port()
    );
    let request = client
        .post(url)
        .header("content-type", "application/json")
        .body(review.to_string());
    let response = request.send().await.expect("an answer");
    assert_eq!(response.status(), 200);
    serde_json::from_str(&response.text().await.expect("a text")).expect("JSON")
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
async fn a_policy_decides_and_what_it_said_is_counted_and_logged() {
    let files = Files::new();
    files.policy(&policy("Enforce", "{}"));
    let server = files.serve(&[]);
    server.ready().await;
    let answer = ask(&files.client(), &server, &careless()).await;
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
async fn a_file_that_does_not_parse_keeps_readiness_failing_until_it_is_mended() {
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
async fn a_file_that_no_longer_parses_leaves_the_last_good_set_in_force_and_says_so() {
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
        ask(&files.client(), &server, &careless()).await["response"]["allowed"],
        false
    );
}

#[tokio::test]
async fn a_policy_whose_settings_are_refused_stays_in_force_and_fails() {
    let files = Files::new();
    files.policy(&policy("Enforce", "{nonsense: 1}"));
    let server = files.serve(&[]);
    server.ready().await;
    let answer = ask(&files.client(), &server, &careless()).await;
    assert_eq!(answer["response"]["allowed"], false);
    let message = answer["response"]["status"]["message"]
        .as_str()
        .expect("a message");
    assert!(message.contains("probes.yaml:"), "{message}");
    let (_, info) = server.get("/info").await;
    assert!(info.contains("\"state\": \"refused\""), "{info}");
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_policies_come_into_force_without_a_lost_request() {
    let files = Files::new();
    files.policy(&policy("Enforce", "{}"));
    let server = files.serve(&[]);
    server.ready().await;
    let load = files.load(server.webhook);
    let client = files.client();
    for action in ["Audit", "Enforce", "Audit", "Enforce", "Audit"] {
        files.policy(&policy(action, "{}"));
        let wanted = action == "Audit";
        while ask(&client, &server, &careless()).await["response"]["allowed"] != wanted {
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
async fn a_new_certificate_is_served_without_a_lost_request() {
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
async fn sigterm_under_load_with_a_second_process_beside_loses_no_request() {
    let files = Files::new();
    files.policy(&policy("Enforce", "{}"));
    let drain = ["--drain-delay", "1s", "--drain-timeout", "10s"];
    let (leaving, staying) = (files.serve(&drain), files.serve(&drain));
    leaving.ready().await;
    staying.ready().await;
    let balancer = Balancer::start(&[&leaving, &staying]).await;
    let load = files.load(balancer.address);
    load.more(100).await;
    leaving.terminate();
    let status = leaving.ended(Duration::from_secs(15)).await;
    load.more(100).await;
    none_failed(&load.finish().await);
    assert!(status.success(), "{status}");
}

#[tokio::test]
async fn a_second_sigterm_ends_it_at_once() {
    let files = Files::new();
    let server = files.serve(&["--drain-delay", "60s"]);
    server.ready().await;
    server.terminate();
    server.until("/readyz", |status, _| status == 503).await;
    server.terminate();
    let status = server.ended(Duration::from_secs(5)).await;
    assert_eq!(status.code(), Some(2));
}
