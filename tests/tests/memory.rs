//! What reviews cost in memory: many large ones at once, of the worst content, under a memory limit of
//! 256 MiB.

use std::time::{Duration, Instant};

use rollgate_tests::cart::{careless, creation};
use rollgate_tests::files::{Files, ask};
use rollgate_tests::measured::peak;
use rollgate_tests::report::say;
use rollgate_tests::server::Serve;
use serde_json::{Value, json};
use tokio::task::JoinSet;

const PROBES: &str = "apiVersion: rollgate.dev/v1alpha1\nkind: ClusterRolloutPolicy\n\
    metadata: {name: probes}\nspec: {module: {builtin: probes}}\n";

/// The memory limit in KiB.
const LIMIT: u64 = 256 << 10;

const SHAPES: [&str; 8] = [
    "0",
    "[]",
    "{}",
    r#"{"":0}"#,
    r#"{"":{}}"#,
    "[[]]",
    r#"{"a":"b"}"#,
    r#""\u00e9\n""#,
];

/// Where they are in the object: in an unknown field, or in one that gets records and defaults.
const PLACES: [(&str, &str); 4] = [
    (r#"{"spec":{"x":["#, "]}}"),
    (r#"{"metadata":{"labels":{"x":["#, "]}}}"),
    (r#"{"spec":{"template":{"spec":{"containers":["#, "]}}}}"),
    (r#"{"spec":{"template":{"spec":{"volumes":["#, "]}}}}"),
];

/// A review of 8 MiB, full of this.
fn review_full_of(element: &str, (before, after): (&str, &str)) -> String {
    const BYTES: usize = (8 << 20) - 1024;
    let before = before.replacen('{', r#"{"apiVersion":"apps/v1","kind":"Deployment","#, 1);
    let many = vec![element; BYTES / (element.len() + 1)].join(",");
    let mut review = creation(json!({}), "shop");
    review["request"]["object"] = "OBJECT".into();
    let object = format!("{before}{many}{after}");
    review.to_string().replace(r#""OBJECT""#, &object)
}

async fn answer(client: reqwest::Client, port: u16, review: String) -> (u16, String, Duration) {
    let url = format!("https://localhost:{port}/admit?timeout=30s");
    let asked = Instant::now();
    let request = client.post(url).body(review);
    let request = request.header("content-type", "application/json");
    let response = request.send().await.expect("an answer");
    let status = response.status().as_u16();
    (
        status,
        response.text().await.expect("a text"),
        asked.elapsed(),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirty_two_bodies_of_the_worst_content_at_once_fit_into_the_memory_of_a_small_container() {
    let files = Files::new();
    files.policy(PROBES);
    let (server, client) = (files.serve(&[]), files.client());
    server.ready().await;
    let mut all = JoinSet::new();
    for place in PLACES {
        for shape in SHAPES {
            let review = review_full_of(shape, place);
            all.spawn(answer(client.clone(), server.webhook.port(), review));
        }
    }
    assert_eq!(all.len(), 32);
    let mut slowest = Duration::ZERO;
    for (status, text, took) in all.join_all().await {
        slowest = slowest.max(took);
        let denied = text.contains(r#""allowed":false"#) && text.contains(r#""uid":"u-1""#);
        assert!(
            (status == 200 && denied) || status == 408,
            "{status}: {text}"
        );
        assert!(took < Duration::from_secs(30), "{took:?}");
    }
    let most = peak(&server);
    say(&format!(
        "at most {most} KiB, slowest answer after {slowest:.1?}"
    ));
    assert!(most < LIMIT, "{most} KiB");
    is_evaluated(&files, &server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn objects_of_a_mebibyte_are_evaluated() {
    let files = Files::new();
    files.policy(PROBES);
    let (server, client) = (files.serve(&[]), files.client());
    server.ready().await;
    let variables: Value = (0..36_000)
        .map(|number| json!({"name": format!("V{number}"), "value": "bar"}))
        .collect();
    let annotations: Value = (0..16)
        .map(|number| (format!("note-{number}"), "x".repeat(64 << 10)))
        .collect();
    for (pointer, value) in [
        ("/spec/template/spec/containers/0/env", variables),
        ("/metadata/annotations", annotations),
    ] {
        let mut object = careless("cart:1");
        let (parent, field) = pointer.rsplit_once('/').expect("a pointer");
        object.pointer_mut(parent).expect("it is there")[field] = value;
        assert!(object.to_string().len() > 1 << 20);
        let mut next = object.clone();
        next["spec"]["template"]["spec"]["containers"][0]["image"] = "cart:2".into();
        let mut review = creation(next, "shop");
        review["request"]["operation"] = "UPDATE".into();
        review["request"]["oldObject"] = object;
        let answer = ask(&client, &server, &review).await;
        let record = &answer["response"]["auditAnnotations"];
        let verdict = record["policy.probes"].as_str().unwrap_or_default();
        // The old object has the same fault, so it blocks nothing.
        assert!(
            verdict.starts_with("allow; readiness-missing"),
            "{pointer}: {answer}"
        );
    }
}

async fn is_evaluated(files: &Files, server: &Serve) {
    let review = creation(careless("cart:1"), "shop");
    let answer = ask(&files.client(), server, &review).await;
    assert_eq!(answer["response"]["status"]["code"], 403, "{answer}");
}
