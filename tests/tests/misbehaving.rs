//! What becomes of guests that do what no policy should: each is answered in words, in time, and
//! leaves its neighbours alone.

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
use rollgate::sources::{Metrics, Range, Sources};
use rollgate_model::{MetricsError, Outcome, Sample, Series};
use rollgate_tests::judging::{self, UPDATE_16K};

/// Whether an error is the one that a misdeed should show as.
type Told = fn(&EvaluationError) -> bool;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_misdeed_in_evaluate_is_told_apart() {
    let engine = judging::engine();
    let cases: [(&str, Told); 7] = [
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
        let error = judging::judge(&policy, &review()).await.expect_err(deed);
        assert!(expected(&error), "{deed}: {error:?}");
        assert!(
            !error.to_string().contains(char::is_control),
            "{deed}: {error}"
        );
    }
}

#[tokio::test]
async fn a_panic_says_what_and_where() {
    let policy = misbehaving(&judging::engine(), "panic", Limits::default())
        .await
        .expect("it loads");
    let error = judging::judge(&policy, &review())
        .await
        .expect_err("it panics")
        .to_string();
    assert!(
        error.contains("index 7 out of") && error.contains("lib.rs"),
        "{error}"
    );
}

#[tokio::test]
async fn an_output_of_100_mb_stops_at_the_boundary() {
    let limits = Limits {
        memory: 250 << 20,
        cpu: Duration::from_secs(5),
        ..Limits::default()
    };
    let policy = misbehaving(&judging::engine(), "huge-output", limits)
        .await
        .expect("it loads");
    let error = judging::judge(&policy, &review())
        .await
        .expect_err("too much");
    assert!(matches!(error, EvaluationError::Boundary(_)), "{error:?}");
}

#[tokio::test]
async fn one_string_handed_over_many_times_stops_at_the_boundary() {
    let engine = judging::engine();
    let policy = judging::load(&engine, &guest(env!("MISBEHAVING_RAW")), "{}")
        .await
        .expect("it loads");
    let error = judging::judge(&policy, &review())
        .await
        .expect_err("too much");
    assert!(matches!(error, EvaluationError::Boundary(_)), "{error:?}");
}

#[tokio::test]
async fn a_flood_of_log_lines_ends_with_the_cpu_or_in_silence() {
    let policy = misbehaving(&judging::engine(), "log-flood", Limits::default())
        .await
        .expect("it loads");
    match judging::judge(&policy, &review()).await {
        Ok(verdict) => assert_eq!(verdict.outcome, Outcome::Allow),
        Err(error) => assert!(matches!(error, EvaluationError::Cpu(_)), "{error:?}"),
    }
}

#[tokio::test]
async fn waiting_for_a_source_is_no_computing() {
    // Its waits take twice as long as this, and what it computes, in a debug build, less than half.
    let patient = Limits {
        timeout: Duration::from_secs(30),
        cpu: Duration::from_millis(500),
        ..Limits::default()
    };
    let policy = misbehaving(&judging::engine(), "many-queries", patient)
        .await
        .expect("it loads");
    let verdict = judging::judge(&policy, &asking(Slow)).await;
    assert_eq!(verdict.map(|verdict| verdict.outcome), Ok(Outcome::Allow));
}

#[tokio::test]
async fn without_room_for_a_snapshot_a_policy_is_configured_at_each_request() {
    let engine = judging::engine();
    let policy = judging::load(&engine, &guest(env!("MISBEHAVING_CRAMPED")), "{}")
        .await
        .expect("it loads");
    assert!(
        matches!(policy.start(), PolicyStart::ConfigureEachTime { .. }),
        "{:?}",
        policy.start()
    );
    for _ in 0..3 {
        let verdict = judging::judge(&policy, &review()).await.expect("it judges");
        assert_eq!(verdict.outcome, Outcome::Allow);
    }
}

#[tokio::test]
async fn asking_the_world_in_configure_is_a_load_error_that_names_the_call() {
    let engine = judging::engine();
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
async fn a_policy_that_fails_to_configure_says_how() {
    let engine = judging::engine();
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
async fn a_sound_policy_beside_looping_ones_still_answers() {
    let engine = judging::engine();
    let looping = misbehaving(&engine, "loop", Limits::default())
        .await
        .expect("it loads");
    let probes = judging::load(&engine, builtin::module("probes").expect("bundled"), "{}")
        .await
        .expect("it loads");
    let (looping, probes) = (Arc::new(looping), Arc::new(probes));
    let loops: Vec<_> = (0..8).map(|_| spawn_judging(&looping)).collect();
    let sound: Vec<_> = (0..50).map(|_| spawn_judging(&probes)).collect();
    for judged in sound {
        assert!(judged.await.expect("no panic").is_ok());
    }
    for judged in loops {
        assert!(matches!(
            judged.await.expect("no panic"),
            Err(EvaluationError::Cpu(_))
        ));
    }
}

#[tokio::test]
async fn each_file_that_is_no_policy_is_told_for_what_it_is() {
    let engine = judging::engine();
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
        let error = judging::load(&engine, &bytes, "{}")
            .await
            .expect_err(name)
            .to_string();
        assert!(error.contains(words), "{name}: {error}");
    }
}

#[tokio::test]
async fn a_file_of_any_bytes_is_an_error_and_never_a_panic() {
    let engine = judging::engine();
    let sound = guest(env!("MISBEHAVING"));
    for at in (0..sound.len()).step_by(sound.len() / 40) {
        let mut flipped = sound.clone();
        flipped[at] ^= 0x55;
        // Some flips hit a name or a constant: such a module may load, and is another module.
        let _ = judging::load(&engine, &flipped, "{}").await;
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
    let request = judging::load_request(
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

fn spawn_judging(
    policy: &Arc<LoadedPolicy>,
) -> tokio::task::JoinHandle<Result<rollgate_model::Verdict, EvaluationError>> {
    let policy = Arc::clone(policy);
    tokio::spawn(async move { judging::judge(&policy, &review()).await })
}

fn review() -> Arc<Review> {
    judging::review(judging::rollout(UPDATE_16K))
}

/// A review whose metrics come from here.
fn asking(metrics: impl Metrics + 'static) -> Arc<Review> {
    let sources = Sources {
        metrics: Arc::new(metrics),
        ..judging::quiet_world()
    };
    Arc::new(Review::new(
        "test".into(),
        judging::rollout(UPDATE_16K),
        sources,
    ))
}

/// A source that takes longer than a tick for each answer, and for all together longer than any
/// policy may compute.
struct Slow;

impl Metrics for Slow {
    fn query<'a>(
        &'a self,
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
