//! Misbehaving policies in one running server: each gets a clear error message, and other policies are
//! not affected.

use std::fmt::Write as _;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use rollgate_tests::evaluation::UPDATE_16K;
use rollgate_tests::files::{Files, ask};
use rollgate_tests::load::Load;
use rollgate_tests::misdeeds::{self, DEEDS, EITHER, Scope, WITH_ROOM};
use rollgate_tests::report::{latencies, say, unbroken};
use serde_json::Value;
use tokio::task::JoinSet;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_misbehaving_policy_gets_a_clear_error_and_the_server_keeps_running() {
    let stalled = TcpListener::bind("127.0.0.1:0").expect("a port");
    let files = Files::new();
    let address = stalled.local_addr().expect("an address");
    misdeeds::write(&files.policies(), address, Scope::Namespace);
    let (server, client) = (files.serve(&[]), files.client());
    server.ready().await;

    let modules = misdeeds::modules();
    let (mut messages, mut table) = (String::new(), String::new());
    let all = DEEDS.into_iter().chain([WITH_ROOM]);
    for deed in all.chain(modules.keys().copied()) {
        let asked = Instant::now();
        let answer = ask(&client, &server, &review(deed)).await;
        let took = asked.elapsed();
        let said = message(&answer, &files);
        writeln!(table, "{deed:<24} {took:>8.0?}  {}", in_short(&said)).expect("a String");
        if EITHER.contains(&deed) {
            let stopped = said.contains("computed for more than");
            let ends = if deed == WITH_ROOM {
                said.contains("that rollgate does not accept")
            } else {
                said == "allowed"
            };
            assert!(stopped || ends, "{said}");
        } else {
            writeln!(messages, "# {deed}\n{said}\n").expect("a String");
        }
    }
    say(&table);
    insta::assert_snapshot!(messages);

    assert_eq!(server.get("/healthz").await.0, 200);
    assert_eq!(server.get("/readyz").await.0, 200);
    let sound = ask(&client, &server, &review("sound")).await;
    assert_eq!(message(&sound, &files), "allowed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_reviews_per_second_are_evaluated_in_time_beside_a_looping_policy() {
    let files = Files::new();
    misdeeds::write_deed(&files.policies(), "loop", Scope::Namespace);
    let (server, client) = (files.serve(&[]), files.client());
    server.ready().await;

    let looping = || files.plan(server.webhook, review("loop").to_string());
    let loops = Load::start([looping(), looping()]);
    loops.more(1).await;
    let mut reviews = JoinSet::new();
    let mut tick = tokio::time::interval(Duration::from_millis(20));
    for _ in 0..200 {
        tick.tick().await;
        reviews.spawn(timed(client.clone(), server.webhook.port()));
    }
    let taken = reviews.join_all().await;
    let loops = loops.finish().await;
    assert_eq!(loops.failed, Vec::<String>::new());
    assert!(loops.answered.len() > 10, "{}", loops.answered.len());
    say(&format!("sound, beside loops: {}", latencies(taken)));
    say(&format!("loops: {}", latencies(loops.answered)));
}

/// Measures an evaluation of a sound policy, with a timeout of five seconds.
async fn timed(client: reqwest::Client, port: u16) -> Duration {
    let url = format!("https://localhost:{port}/admit?timeout=5s");
    let asked = Instant::now();
    let request = client.post(url).body(review("sound").to_string());
    let request = request.header("content-type", "application/json");
    let answer = request.send().await.expect("an answer").text().await;
    let took = asked.elapsed();
    let answer: Value = serde_json::from_str(&answer.expect("a text")).expect("JSON");
    assert_eq!(answer["response"]["allowed"], true, "{answer}");
    assert_eq!(
        answer["response"]["auditAnnotations"]["policy.probes"], "allow",
        "{answer}"
    );
    took
}

/// An update of a sound Deployment in a namespace.
fn review(namespace: &str) -> Value {
    let mut review: Value = serde_json::from_str(UPDATE_16K).expect("JSON");
    let request = &mut review["request"];
    request["namespace"] = namespace.into();
    for side in ["object", "oldObject"] {
        request[side]["metadata"]["namespace"] = namespace.into();
    }
    review
}

/// Returns the message to the user, without the parts that differ between machines.
fn message(answer: &Value, files: &Files) -> String {
    let response = &answer["response"];
    if response["allowed"] == true {
        assert_eq!(response["warnings"], Value::Null, "{answer}");
        return "allowed".to_owned();
    }
    assert_eq!(response["status"]["code"], 403, "{answer}");
    let message = response["status"]["message"].as_str().expect("a message");
    assert!(
        !message.replace('\n', "").contains(char::is_control),
        "{message:?}"
    );
    let message = unbroken(message).replace(&files.policies().display().to_string(), "POLICIES");
    // These depend on how busy the machine is, and on the compiler.
    ["no answer after ", "cut off at byte "]
        .iter()
        .fold(message, |text, before| without_number(&text, before))
}

fn without_number(text: &str, before: &str) -> String {
    match text.split_once(before) {
        Some((head, tail)) => {
            let tail = tail.trim_start_matches(|c: char| c.is_ascii_digit());
            format!("{head}{before}[NUMBER]{tail}")
        }
        None => text.to_owned(),
    }
}

/// Returns why there is no verdict, if there is none.
fn in_short(said: &str) -> &str {
    said.split_once("could not be evaluated: ")
        .map_or(said, |(_, why)| why)
}
