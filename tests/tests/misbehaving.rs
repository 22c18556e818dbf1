//! Misbehaving guests: each fails in time with a clear error, and does not affect other policies.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use rollgate::config::builtin;
use rollgate::engine::{
    Engine, EvaluationError, Grants, Limits, LoadError, LoadRequest, LoadedPolicy, PolicyStart,
    Review, TICK,
};
use rollgate::sources::{Metrics, Range, Requester, Sources};
use rollgate_model::{MetricsError, Outcome, Sample, Series};
use rollgate_tests::evaluation::{self, UPDATE_16K};

/// Whether an error is the expected one.
type IsExpected = fn(&EvaluationError) -> bool;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_misbehaviour_in_evaluate_has_its_own_error() {
    let engine = evaluation::engine();
    let cases: [(&str, IsExpected); 7] = [
        ("loop", |error| matches!(error, EvaluationError::Cpu(_))),
        ("memory-bomb", |error| {
            matches!(error, EvaluationError::Memory(_))
        }),
        (
            "deep-recursion",
            |error| matches!(error, EvaluationError::Trapped(why) if why.contains("recursion")),
        ),
        ("trap", |error| matches!(error, EvaluationError::Trapped(_))),
        ("panic", |error| {
            matches!(error, EvaluationError::Panicked(_))
        }),
        ("huge-output", |error| {
            matches!(error, EvaluationError::Memory(_))
        }),
        (
            "secret-read",
            |error| matches!(error, EvaluationError::Failed(failure) if failure.message.contains("Secrets")),
        ),
    ];
    for (deed, expected) in cases {
        let policy = misbehaving(&engine, deed, Limits::default())
            .await
            .expect("it loads");
        let error = evaluation::evaluate(&policy, &review())
            .await
            .expect_err(deed);
        assert!(expected(&error), "{deed}: {error:?}");
        assert!(
            !error.to_string().contains(char::is_control),
            "{deed}: {error}"
        );
    }
}

#[tokio::test]
async fn panic_message_is_reported_with_its_location() {
    let policy = misbehaving(&evaluation::engine(), "panic", Limits::default())
        .await
        .expect("it loads");
    let error = evaluation::evaluate(&policy, &review())
        .await
        .expect_err("it panics")
        .to_string();
    assert!(
        error.contains("index 7 out of") && error.contains("lib.rs"),
        "{error}"
    );
}

#[tokio::test]
async fn output_of_100_mb_is_refused() {
    let limits = Limits {
        memory: 250 << 20,
        cpu: Duration::from_secs(5),
        ..Limits::default()
    };
    let policy = misbehaving(&evaluation::engine(), "huge-output", limits)
        .await
        .expect("it loads");
    let error = evaluation::evaluate(&policy, &review())
        .await
        .expect_err("too much");
    assert!(matches!(error, EvaluationError::Boundary(_)), "{error:?}");
}

#[tokio::test]
async fn one_string_passed_many_times_is_refused() {
    let engine = evaluation::engine();
    let policy = evaluation::load(&engine, &guest(env!("MISBEHAVING_RAW")), "{}")
        .await
        .expect("it loads");
    let error = evaluation::evaluate(&policy, &review())
        .await
        .expect_err("too much");
    assert!(matches!(error, EvaluationError::Boundary(_)), "{error:?}");
}

#[tokio::test]
async fn flood_of_log_lines_is_dropped_or_stopped() {
    let policy = misbehaving(&evaluation::engine(), "log-flood", Limits::default())
        .await
        .expect("it loads");
    match evaluation::evaluate(&policy, &review()).await {
        Ok(verdict) => assert_eq!(verdict.outcome, Outcome::Allow),
        Err(error) => assert!(matches!(error, EvaluationError::Cpu(_)), "{error:?}"),
    }
}

#[tokio::test]
async fn waiting_for_a_source_is_no_cpu_time() {
    // Its waits take twice as long as this, and what it computes, in a debug build, less than half.
    let patient = Limits {
        timeout: Duration::from_secs(30),
        cpu: Duration::from_millis(500),
        ..Limits::default()
    };
    let policy = misbehaving(&evaluation::engine(), "many-queries", patient)
        .await
        .expect("it loads");
    let verdict = evaluation::evaluate(&policy, &asking(Slow)).await;
    assert_eq!(verdict.map(|verdict| verdict.outcome), Ok(Outcome::Allow));
}

#[tokio::test]
async fn answer_of_a_source_counts_against_the_memory_of_the_policy() {
    let engine = evaluation::engine();
    for (mebibytes, fits) in [(16, false), (64, true)] {
        let limits = Limits {
            memory: mebibytes << 20,
            cpu: Duration::from_secs(5),
            timeout: Duration::from_secs(30),
        };
        let policy = misbehaving(&engine, "slow-query", limits).await;
        let policy = policy.expect("it loads");
        let verdict = evaluation::evaluate(&policy, &asking(Long)).await;
        let stopped = matches!(verdict, Err(EvaluationError::Memory(_)));
        assert_eq!(stopped, !fits, "{mebibytes} MiB: {verdict:?}");
    }
}

#[tokio::test]
async fn policy_without_room_for_a_snapshot_is_configured_at_each_request() {
    let engine = evaluation::engine();
    let policy = evaluation::load(&engine, &guest(env!("MISBEHAVING_CRAMPED")), "{}")
        .await
        .expect("it loads");
    assert!(
        matches!(policy.start(), PolicyStart::ConfigureEachTime { .. }),
        "{:?}",
        policy.start()
    );
    for _ in 0..3 {
        let verdict = evaluation::evaluate(&policy, &review())
            .await
            .expect("it judges");
        assert_eq!(verdict.outcome, Outcome::Allow);
    }
}

#[tokio::test]
async fn host_call_in_configure_is_a_load_error_that_names_it() {
    let engine = evaluation::engine();
    for (deed, call) in [
        ("metric-in-configure", "metrics.query"),
        ("clock-in-configure", "clock.now"),
    ] {
        let error = misbehaving(&engine, deed, Limits::default())
            .await
            .expect_err("too early");
        assert!(
            matches!(error, LoadError::AskedTooEarly { call: named, .. } if named == call),
            "{deed}: {error}"
        );
    }
}

#[tokio::test]
async fn error_in_configure_is_a_load_error_with_the_reason() {
    let engine = evaluation::engine();
    for (deed, words) in [
        ("loop-in-configure", "computed for more than"),
        ("panic-in-configure", "this policy never starts"),
        ("refuses-its-settings", "/deed: is nothing to be proud of"),
    ] {
        let error = misbehaving(&engine, deed, Limits::default())
            .await
            .expect_err("it does not load");
        assert!(error.to_string().contains(words), "{deed}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn looping_policies_do_not_stop_a_sound_one() {
    let engine = evaluation::engine();
    // They take turns: on a busy machine the last one computes late.
    let patient = Limits {
        timeout: Duration::from_secs(30),
        ..Limits::default()
    };
    let looping = misbehaving(&engine, "loop", patient)
        .await
        .expect("it loads");
    let probes = evaluation::load(&engine, builtin::module("probes").expect("bundled"), "{}")
        .await
        .expect("it loads");
    let (looping, probes) = (Arc::new(looping), Arc::new(probes));
    let loops: Vec<_> = (0..8).map(|_| spawn_evaluation(&looping)).collect();
    let sound: Vec<_> = (0..50).map(|_| spawn_evaluation(&probes)).collect();
    for evaluated in sound {
        assert!(evaluated.await.expect("no panic").is_ok());
    }
    for evaluated in loops {
        assert!(matches!(
            evaluated.await.expect("no panic"),
            Err(EvaluationError::Cpu(_))
        ));
    }
}

#[tokio::test]
async fn each_file_that_is_no_policy_has_its_own_error() {
    let engine = evaluation::engine();
    let sound = guest(env!("MISBEHAVING"));
    let cases: [(&str, Vec<u8>, &str); 8] = [
        (
            "empty",
            vec![],
            "not a WebAssembly file: it starts with nothing",
        ),
        ("garbage", b"#!/bin/sh\n".to_vec(), "not a WebAssembly file"),
        ("text format", b"(module)".to_vec(), "wasm-tools parse"),
        (
            "cut off",
            sound[..sound.len() / 2].to_vec(),
            "damaged or cut off",
        ),
        (
            "a core module without our contract",
            b"\0asm\x01\0\0\0".to_vec(),
            "without the policy contract",
        ),
        (
            "an empty component",
            b"\0asm\x0d\0\x01\0".to_vec(),
            "exports nothing",
        ),
        (
            "a forbidden import",
            wat::parse_str("(module (import \"env\" \"socket\" (func)))").expect("wat"),
            "`env`",
        ),
        (
            "a newer contract",
            replaced(&sound, b"@0.1.0", b"@0.7.0"),
            "contract version 0.7.0",
        ),
    ];
    for (name, bytes, words) in cases {
        let error = evaluation::load(&engine, &bytes, "{}")
            .await
            .expect_err(name)
            .to_string();
        assert!(error.contains(words), "{name}: {error}");
    }
}

#[tokio::test]
async fn damaged_file_is_an_error_and_never_a_panic() {
    let engine = evaluation::engine();
    let sound = guest(env!("MISBEHAVING"));
    for at in (0..sound.len()).step_by(sound.len() / 40) {
        let mut flipped = sound.clone();
        flipped[at] ^= 0x55;
        // Some flips hit a name or a constant: such a module may load, and is another module.
        let _ = evaluation::load(&engine, &flipped, "{}").await;
    }
}

async fn misbehaving(
    engine: &Engine,
    deed: &str,
    limits: Limits,
) -> Result<LoadedPolicy, LoadError> {
    let grants = Grants {
        metrics: ["prod".to_owned()].into(),
        ..Grants::default()
    };
    let request = evaluation::load_request(
        &guest(env!("MISBEHAVING")),
        &format!("{{\"deed\":\"{deed}\"}}"),
    );
    engine
        .load(LoadRequest {
            limits,
            grants,
            ..request
        })
        .await
}

fn spawn_evaluation(
    policy: &Arc<LoadedPolicy>,
) -> tokio::task::JoinHandle<Result<rollgate_model::Verdict, EvaluationError>> {
    let policy = Arc::clone(policy);
    tokio::spawn(async move { evaluation::evaluate(&policy, &review()).await })
}

fn review() -> Arc<Review> {
    evaluation::review(evaluation::rollout(UPDATE_16K))
}

/// A review with this source of metrics.
fn asking(metrics: impl Metrics + 'static) -> Arc<Review> {
    let sources = Sources {
        metrics: Arc::new(metrics),
        ..evaluation::clock_only()
    };
    Arc::new(Review::new(
        "test".into(),
        evaluation::rollout(UPDATE_16K),
        sources,
    ))
}

/// A source that takes longer than a tick for each query, and for all together longer than any policy's
/// CPU limit.
struct Slow;

impl Metrics for Slow {
    fn query<'a>(
        &'a self,
        _: Requester<'a>,
        _: &'a str,
        _: &'a str,
        _: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<Sample>, MetricsError>> {
        let answer = async {
            tokio::time::sleep(TICK + TICK / 2).await;
            Ok(vec![])
        };
        answer.boxed()
    }

    fn query_range<'a>(
        &'a self,
        _: Requester<'a>,
        _: &'a str,
        _: &'a str,
        _: Range,
    ) -> BoxFuture<'a, Result<Vec<Series>, MetricsError>> {
        async { Ok(vec![]) }.boxed()
    }
}

fn guest(path: &str) -> Vec<u8> {
    fs::read(path).expect("the build script built it")
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let places: Vec<_> = bytes
        .windows(from.len())
        .enumerate()
        .filter(|(_, part)| *part == from)
        .map(|(at, _)| at)
        .collect();
    for at in places {
        bytes[at..at + to.len()].copy_from_slice(to);
    }
    bytes
}

/// A source that answers with 24 MB.
struct Long;

impl Metrics for Long {
    fn query<'a>(
        &'a self,
        _: Requester<'a>,
        _: &'a str,
        _: &'a str,
        at: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<Sample>, MetricsError>> {
        let sample = move |number| Sample {
            labels: vec![("text".into(), format!("{number:01000}"))],
            value: 1.0,
            at,
        };
        async move { Ok((0..24_000).map(sample).collect()) }.boxed()
    }

    fn query_range<'a>(
        &'a self,
        _: Requester<'a>,
        _: &'a str,
        _: &'a str,
        _: Range,
    ) -> BoxFuture<'a, Result<Vec<Series>, MetricsError>> {
        async { Ok(vec![]) }.boxed()
    }
}
