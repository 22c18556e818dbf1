//! `rollgate serve --policies` with a path that contains no policy: the server does not become ready, or
//! keeps what was active. It never allows a rollout because there is no policy.

use std::fs;
use std::path::Path;

use rollgate_tests::cart::{careless, creation};
use rollgate_tests::files::{Files, ask};
use rollgate_tests::server::Serve;
use serde_json::Value;

const PROBES: &str = "apiVersion: rollgate.dev/v1alpha1\nkind: ClusterRolloutPolicy\n\
    metadata: {name: probes}\nspec: {module: {builtin: probes}}\n";
const SOURCE: &str = "apiVersion: rollgate.dev/v1alpha1\nkind: MetricSource\n\
    metadata: {name: prod}\nspec: {prometheus: {url: \"https://prometheus.example\"}}\n";

/// A named change of the folder of policies.
type Change = (&'static str, fn(&Path));

/// Returns the HTTP status for a Deployment without any probe.
async fn answer(files: &Files, server: &Serve) -> u16 {
    let url = format!(
        "https://localhost:{}/admit?timeout=10s",
        server.webhook.port()
    );
    let review = creation(careless("cart:1"), "shop").to_string();
    let request = files.client().post(url).body(review);
    let request = request.header("content-type", "application/json");
    request.send().await.expect("an answer").status().as_u16()
}

async fn is_denied(files: &Files, server: &Serve) -> bool {
    let review = creation(careless("cart:1"), "shop");
    ask(&files.client(), server, &review).await["response"]["allowed"] == false
}

/// Checks `/readyz` after a start with this change to an empty folder.
async fn refused_start((way, change): Change) {
    let files = Files::new();
    change(&files.policies());
    let server = files.serve(&[]);
    let missing = server
        .until("/readyz", |status, text| {
            status == 503 && text.contains("there is no policy here")
        })
        .await;
    assert!(missing.contains("policies"), "{way}: {missing}");
    assert!(missing.contains("hint: "), "{way}: {missing}");
    assert_eq!(answer(&files, &server).await, 503, "{way}");
    let error = server.logged("the policies cannot be read");
    assert_eq!(error["level"], "ERROR", "{way}: {error}");
    assert_eq!(
        error["consequence"],
        "rollgate is not ready until this is fixed"
    );
    files.policy(PROBES);
    fs::remove_file(files.policies().join("cut.yaml")).ok();
    server.ready().await;
    assert!(is_denied(&files, &server).await, "{way}");
}

#[tokio::test(flavor = "multi_thread")]
async fn start_with_a_path_without_a_policy_is_not_ready_and_says_which() {
    let ways: [Change; 5] = [
        ("an empty folder", |_| {}),
        ("policies in a folder inside", |folder| {
            let inside = folder.join("team");
            fs::create_dir(&inside).expect("a folder");
            fs::write(inside.join("probes.yaml"), PROBES).expect("written");
        }),
        ("an empty file", |folder| {
            fs::write(folder.join("cut.yaml"), "").expect("written");
        }),
        ("comments only", |folder| {
            fs::write(folder.join("notes.yaml"), "# later\n").expect("written");
        }),
        ("metric sources only", |folder| {
            fs::write(folder.join("sources.yaml"), SOURCE).expect("written");
        }),
    ];
    for way in ways {
        refused_start(way).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn start_with_one_of_two_paths_without_a_policy_is_not_ready() {
    let files = Files::new();
    files.policy(PROBES);
    let more = tempfile::tempdir().expect("a folder");
    let path = more.path().to_str().expect("UTF-8");
    let server = files.serve(&["--policies", path]);
    let missing = server
        .until("/readyz", |_, text| {
            text.contains("there is no policy here")
        })
        .await;
    assert!(missing.contains(path), "{missing}");
    let other = PROBES.replace("name: probes", "name: others");
    fs::write(more.path().join("others.yaml"), other).expect("written");
    server.ready().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reload_without_a_policy_leaves_what_was_active_and_reports_an_error() {
    let ways: [Change; 5] = [
        ("a file cut to 0 bytes", |folder| {
            fs::write(folder.join("probes.yaml"), "").expect("written");
        }),
        ("the only file removed", |folder| {
            fs::remove_file(folder.join("probes.yaml")).expect("removed");
        }),
        ("all files moved into a folder inside", |folder| {
            fs::create_dir(folder.join("team")).expect("a folder");
            let moved = fs::rename(folder.join("probes.yaml"), folder.join("team/probes.yaml"));
            moved.expect("moved");
        }),
        ("all of it commented out", |folder| {
            fs::write(folder.join("probes.yaml"), "# later\n").expect("written");
        }),
        ("metric sources in place of policies", |folder| {
            fs::write(folder.join("probes.yaml"), SOURCE).expect("written");
        }),
    ];
    for (way, change) in ways {
        let files = Files::new();
        files.policy(PROBES);
        let server = files.serve(&[]);
        server.ready().await;
        change(&files.policies());
        stays_active(way, &files, &server).await;
        fs::remove_dir_all(files.policies().join("team")).ok();
        files.policy(PROBES);
        server
            .until("/metrics", |_, text| {
                text.contains("rollgate_reload_stale{subject=\"policies\"} 0")
            })
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reload_with_one_of_two_files_cut_to_0_bytes_leaves_both_policies_active() {
    let files = Files::new();
    files.policy(PROBES);
    let audit = "spec: {action: Audit, module: {builtin: probes}}\n";
    let other = PROBES.replace("name: probes", "name: others");
    let other = other.replace("spec: {module: {builtin: probes}}\n", audit);
    files.put("others.yaml", other.as_bytes());
    let server = files.serve(&[]);
    server.ready().await;
    fs::write(files.policies().join("probes.yaml"), "").expect("written");
    stays_active("one of two files", &files, &server).await;
}

async fn stays_active(way: &str, files: &Files, server: &Serve) {
    let info = server
        .until("/info", |_, text| text.contains("there is no policy here"))
        .await;
    let info: Value = serde_json::from_str(&info).expect("JSON");
    assert_eq!(info["policies"][0]["state"], "ready", "{way}: {info}");
    let (_, metrics) = server.get("/metrics").await;
    assert!(
        metrics.contains("rollgate_reload_stale{subject=\"policies\"} 1"),
        "{way}: {metrics}"
    );
    assert_eq!(server.get("/readyz").await.0, 200, "{way}");
    assert!(is_denied(files, server).await, "{way}");
    let error = server.logged("the policies cannot be read");
    assert_eq!(error["level"], "ERROR", "{way}: {error}");
    assert_eq!(
        error["consequence"],
        "the policies before this change stay active"
    );
}
