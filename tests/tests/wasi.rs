//! Components that were built for WASI get an empty one. `make test` builds the guest, which needs
//! another target.

use std::fs;
use std::io::ErrorKind;
use std::net::{TcpListener, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rollgate::engine::{EvaluationError, LoadError, LoadedPolicy, PolicyStart, Review};
use rollgate_tests::evaluation::{self, UPDATE_16K};
use serde_json::{Value, json};

const GUEST: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../target/wasm32-wasip2/guest/rollgate_wasi_guest.wasm"
);

#[tokio::test]
#[ignore = "make test"]
async fn guest_has_no_files() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let path = file.path().to_str().expect("UTF-8");
    for attempt in [
        json!({ "read-file": path }),
        json!({ "write-file": path }),
        json!({ "list-folder": "/" }),
    ] {
        let outcome = outcome(&attempt).await;
        assert!(outcome.starts_with("error: "), "{attempt}: {outcome}");
    }
    assert_eq!(fs::read(path).expect("it is still there"), b"");
}

#[tokio::test]
#[ignore = "make test"]
async fn guest_has_no_environment_arguments_or_input() {
    for attempt in ["environment", "arguments"] {
        assert_eq!(outcome(&json!(attempt)).await, "[]", "{attempt}");
    }
    assert_eq!(outcome(&json!("standard-input")).await, "0 bytes");
}

#[tokio::test]
#[ignore = "make test"]
async fn guest_has_no_network() {
    let tcp = TcpListener::bind("127.0.0.1:0").expect("a port");
    let udp = UdpSocket::bind("127.0.0.1:0").expect("a port");
    tcp.set_nonblocking(true).expect("set");
    udp.set_nonblocking(true).expect("set");
    for attempt in [
        json!({ "connect": tcp.local_addr().expect("an address") }),
        json!({ "send": udp.local_addr().expect("an address") }),
        json!({ "listen": "127.0.0.1:0" }),
        json!({ "resolve": "localhost:80" }),
    ] {
        let outcome = outcome(&attempt).await;
        assert!(outcome.starts_with("error: "), "{attempt}: {outcome}");
    }
    let nobody = tcp.accept().expect_err("nobody connected");
    assert_eq!(nobody.kind(), ErrorKind::WouldBlock);
    let nothing = udp.recv(&mut [0]).expect_err("nothing was sent");
    assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
}

#[tokio::test]
#[ignore = "make test"]
async fn guest_has_no_threads() {
    let outcome = outcome(&json!("thread")).await;
    assert!(outcome.starts_with("error: "), "{outcome}");
}

#[tokio::test]
#[ignore = "make test"]
async fn wall_clock_shows_the_time_of_the_review() {
    let now = evaluation::clock_only().clock.now().as_second();
    let outcome = outcome(&json!("wall-clock")).await;
    assert_eq!(outcome, format!("{now}s, {now}s"));
}

#[tokio::test]
#[ignore = "make test"]
async fn monotonic_clock_runs() {
    assert_eq!(outcome(&json!("monotonic-clock")).await, "it runs");
}

#[tokio::test]
#[ignore = "make test"]
async fn random_numbers_depend_on_the_review_only() {
    let policy = load(&json!({ "attempt": "random" })).await;
    let first = evidence(&policy, &review("a")).await;
    assert_eq!(evidence(&policy, &review("a")).await, first);
    assert_ne!(evidence(&policy, &review("b")).await, first);
}

#[tokio::test]
#[ignore = "make test"]
async fn exit_is_an_evaluation_error() {
    for status in [0, 3] {
        let error = failure(&json!({ "exit": status })).await;
        // WASI 0.2's stable `exit` has no more than success and failure.
        assert_eq!(error, EvaluationError::Exited(status.min(1)), "{status}");
    }
}

#[tokio::test]
#[ignore = "make test"]
async fn timeout_ends_a_guest_that_sleeps() {
    let error = failure(&json!({ "sleep": 60 })).await;
    let EvaluationError::Deadline { after, .. } = &error else {
        panic!("{error:?}")
    };
    assert!(*after < Duration::from_secs(10), "{after:?}");
    assert!(error.to_string().contains("no answer after 2"), "{error}");
}

#[tokio::test]
#[ignore = "make test"]
async fn memory_after_configure_becomes_a_snapshot() {
    for attempt in ["environment", "monotonic-clock", "random"] {
        let policy = load(&json!({ "attempt": attempt, "inConfigure": true })).await;
        assert_eq!(policy.start(), &PolicyStart::FromSnapshot, "{attempt}");
        assert_eq!(evidence(&policy, &review("a")).await.len(), 2, "{attempt}");
    }
}

#[tokio::test]
#[ignore = "make test"]
async fn guest_that_keeps_a_stream_open_is_configured_at_each_request() {
    let policy = load(&json!({ "attempt": "standard-output", "inConfigure": true })).await;
    let PolicyStart::ConfigureEachTime { reason } = policy.start() else {
        panic!("its handle would be invalid in a copy")
    };
    assert!(reason.contains("a stream or a timer"), "{reason}");
    assert_eq!(
        evidence(&policy, &review("a")).await,
        ["printed", "printed"]
    );
}

#[tokio::test]
#[ignore = "make test"]
async fn wall_clock_in_configure_shows_the_unix_epoch() {
    let policy = load(&json!({ "attempt": "wall-clock", "inConfigure": true })).await;
    assert_eq!(evidence(&policy, &review("a")).await[1], "0ns, 0ns");
}

#[tokio::test]
#[ignore = "make test"]
async fn exit_in_configure_is_a_load_error() {
    let settings = json!({ "attempt": { "exit": 3 }, "inConfigure": true });
    let error = try_load(&settings).await.expect_err("it ends itself");
    assert!(
        matches!(
            error,
            LoadError::Crashed {
                during: "configure",
                error: EvaluationError::Exited(1)
            }
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn import_of_http_is_refused_by_name() {
    let component = wat::parse_str(
        r#"(component
            (import "wasi:http/outgoing-handler@0.2.3" (instance))
            (instance $guest)
            (export "rollgate:policy/guest@0.1.0" (instance $guest)))"#,
    )
    .expect("a component");
    let error = evaluation::load(&evaluation::engine(), &component, "{}")
        .await
        .expect_err("a policy has no network");
    assert!(
        matches!(&error, LoadError::ForbiddenImport { name, .. } if name == "wasi:http/outgoing-handler@0.2.3"),
        "{error:?}"
    );
    assert!(
        error.to_string().contains("ask a granted source"),
        "{error}"
    );
}

/// Returns the result of an attempt in `evaluate`.
async fn outcome(attempt: &Value) -> String {
    let policy = load(&json!({ "attempt": attempt })).await;
    assert_eq!(policy.start(), &PolicyStart::FromSnapshot);
    evidence(&policy, &review("a")).await.remove(0)
}

/// Returns the error of an attempt in `evaluate`.
async fn failure(attempt: &Value) -> EvaluationError {
    let policy = load(&json!({ "attempt": attempt })).await;
    evaluation::evaluate(&policy, &review("a"))
        .await
        .expect_err("no verdict")
}

async fn evidence(policy: &LoadedPolicy, review: &Arc<Review>) -> Vec<String> {
    let verdict = evaluation::evaluate(policy, review)
        .await
        .expect("a verdict");
    verdict
        .evidence
        .into_iter()
        .map(|evidence| evidence.value)
        .collect()
}

async fn load(settings: &Value) -> LoadedPolicy {
    try_load(settings).await.expect("it loads")
}

async fn try_load(settings: &Value) -> Result<LoadedPolicy, LoadError> {
    assert!(Path::new(GUEST).exists(), "`make test` builds {GUEST}");
    let guest = fs::read(GUEST).expect("it can be read");
    evaluation::load(&evaluation::engine(), &guest, &settings.to_string()).await
}

fn review(id: &str) -> Arc<Review> {
    let rollout = evaluation::rollout(UPDATE_16K);
    Arc::new(Review::new(id.into(), rollout, evaluation::clock_only()))
}
