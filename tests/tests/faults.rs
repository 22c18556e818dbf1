//! Faults of the machine and of callers that the server outlives.

use std::fs;
use std::time::Duration;

use jiff::ToSpan as _;
use reqwest::StatusCode;
use rollgate_tests::cart::{careful, careless, creation};
use rollgate_tests::files::{Files, ask};
use rollgate_tests::server::{Serve, binary};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;

const PROBES: &str = "apiVersion: rollgate.dev/v1alpha1\nkind: ClusterRolloutPolicy\nmetadata: {name: probes}\nspec: {module: {builtin: probes}}\n";

async fn post(files: &Files, server: &Serve, body: Vec<u8>) -> (StatusCode, String) {
    let url = format!("https://localhost:{}/admit", server.webhook.port());
    let request = files
        .client()
        .post(url)
        .header("content-type", "application/json")
        .body(body);
    let response = request.send().await.expect("an answer");
    (response.status(), response.text().await.expect("a text"))
}

/// What a body without a usable review gets: an HTTP error, or a denial with its uid; never an allowance.
#[tokio::test]
async fn body_that_is_no_review_is_answered_with_the_reason_and_the_next_review_as_ever() {
    let files = Files::new();
    files.policy(PROBES);
    let server = files.serve(&[]);
    server.ready().await;
    let sound = creation(careless("cart:1"), "shop");
    let changed = |change: fn(&mut Value)| {
        let mut review = sound.clone();
        change(&mut review);
        review.to_string().into_bytes()
    };
    let deep = {
        let nested = "[".repeat(100_000);
        sound
            .to_string()
            .replace("\"cart:1\"", &nested)
            .into_bytes()
    };
    let cases: [(&str, Vec<u8>, u16, &str); 9] = [
        ("0 bytes", vec![], 400, "no AdmissionReview"),
        ("50 MB", vec![b' '; 50 << 20], 413, "--body-limit"),
        (
            "no JSON",
            b"{\"request\": {".to_vec(),
            400,
            "no AdmissionReview",
        ),
        (
            "no UTF-8",
            b"{\"request\": \"\xff\"}".to_vec(),
            400,
            "no AdmissionReview",
        ),
        ("deep nesting", deep, 400, "no AdmissionReview"),
        (
            "another version of the review",
            changed(|it| it["apiVersion"] = json!("admission.k8s.io/v1beta1")),
            200,
            "admissionReviewVersions",
        ),
        (
            "another version of the object",
            changed(|it| it["request"]["object"]["apiVersion"] = json!("apps/v9")),
            200,
            "apps/v9",
        ),
        (
            "no object",
            changed(|it| it["request"]["object"] = Value::Null),
            200,
            "has no `object`",
        ),
        (
            "an unknown operation",
            changed(|it| it["request"]["operation"] = json!("PATCH")),
            200,
            "PATCH",
        ),
    ];
    for (name, body, status, reason) in cases {
        let (found, text) = post(&files, &server, body).await;
        assert_eq!(found.as_u16(), status, "{name}: {text}");
        assert!(text.contains(reason), "{name}: {text}");
        assert!(!text.contains("\"allowed\":true"), "{name}: {text}");
        let answer = ask(&files.client(), &server, &sound).await;
        assert_eq!(answer["response"]["status"]["code"], 403, "after {name}");
    }
    let other =
        changed(|it| it["request"]["kind"] = json!({"group": "", "version": "v1", "kind": "Pod"}));
    let (found, text) = post(&files, &server, other).await;
    assert!(
        found == StatusCode::OK && text.contains("\"allowed\":true"),
        "{text}"
    );
}

#[tokio::test]
async fn idle_connections_that_use_up_file_descriptors_never_keep_a_new_one_out() {
    let files = Files::new();
    files.policy(PROBES);
    let cache = binary().with_file_name("serve-cache");
    let server = Serve::start_with_descriptors(64, files.arguments(&cache, &[]));
    server.ready().await;
    let review = creation(careful("cart:1"), "shop");
    let client = files.client();
    assert_eq!(
        ask(&client, &server, &review).await["response"]["allowed"],
        true
    );

    let mut hogs = Vec::new();
    for _ in 0..200 {
        hogs.push(
            TcpStream::connect(server.webhook)
                .await
                .expect("the kernel takes it"),
        );
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    // An open connection is served, and so is a new one: connections without a request make room.
    for client in [client, files.client()] {
        // Sooner than those would be closed for being late with their handshake.
        let answer = timeout(Duration::from_secs(8), ask(&client, &server, &review)).await;
        assert_eq!(answer.expect("in time")["response"]["allowed"], true);
    }
    drop(hogs);
    let log = server.log_to_the_end();
    assert!(log.len() < 100, "{} lines in the log", log.len());
}

#[tokio::test]
#[ignore = "make test"]
async fn clock_that_jumps_a_day_each_way_moves_the_decision_and_nothing_else() {
    let files = Files::new();
    let now = jiff::Timestamp::now();
    let hours = |hours: i64| (now + hours.hours()).strftime("%Y-%m-%dT%H:%M").to_string();
    files.policy(&format!(
        "apiVersion: rollgate.dev/v1alpha1\nkind: ClusterRolloutPolicy\nmetadata: {{name: freeze}}\nspec:\n  \
         module: {{builtin: time-window}}\n  settings:\n    timeZone: UTC\n    deny: [{{reason: frozen, \
         span: {{start: '{}', end: '{}'}}}}]\n",
        hours(-6),
        hours(6)
    ));
    let offset = files.beside("offset", "+0");
    let cache = binary().with_file_name("serve-cache");
    let server = Serve::start_with_clock(offset.as_ref(), files.arguments(&cache, &[]));
    server.ready().await;
    let review = creation(careful("cart:1"), "shop");
    let client = files.client();
    for (jump, allowed) in [
        ("+0", false),
        ("+1d", true),
        ("-1d", true),
        ("+1d", true),
        ("+0", false),
    ] {
        fs::write(&offset, jump).expect("written");
        let answer = ask(&client, &server, &review).await;
        assert_eq!(answer["response"]["allowed"], allowed, "{jump}: {answer}");
        let (ready, text) = server.get("/readyz").await;
        assert_eq!(ready, 200, "{jump}: {text}");
    }
    let log = server.log_to_the_end();
    assert!(log.iter().all(|line| line["level"] != "ERROR"), "{log:#?}");
}
