use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use rollgate_model::{MetricsErrorCode, Sample};
use tokio::sync::Notify;

use super::*;

const KEEP: Duration = Duration::from_secs(10);

fn at(millis: i64) -> Window {
    Window::Instant {
        at: Timestamp::from_millisecond(millis).unwrap(),
    }
}

/// Answers with the instant that was asked, and counts.
async fn ask(cache: &Cache<Sample>, query: &str, window: Window, asked: &Arc<AtomicUsize>) -> i64 {
    let asked = Arc::clone(asked);
    let fetch = move |window: Window| async move {
        asked.fetch_add(1, SeqCst);
        let at = window.end();
        Ok(Arc::from([Sample {
            labels: Vec::new(),
            value: 0.0,
            at,
        }]))
    };
    let answer = cache
        .get(query.into(), window, fetch)
        .await
        .unwrap()
        .unwrap();
    answer[0].at.as_millisecond()
}

#[tokio::test]
async fn result_is_never_from_the_future_or_older_than_cache_for() {
    let (cache, asked) = (Cache::new(KEEP), Arc::default());
    for millis in (0..200_000).step_by(777) {
        let age = millis - ask(&cache, "up", at(millis), &asked).await;
        assert!(
            (0..=10_000).contains(&age),
            "asked at {millis}: {age} ms old"
        );
    }
    // 200 s in buckets of 5 s: at most one request for each.
    assert!(asked.load(SeqCst) <= 40, "{asked:?} requests");
}

#[tokio::test]
async fn queries_within_half_of_cache_for_share_a_result() {
    for first in (0..10_000).step_by(100) {
        let (cache, asked) = (Cache::new(KEEP), Arc::default());
        let one = ask(&cache, "up", at(first), &asked).await;
        let two = ask(&cache, "up", at(first + 5_000), &asked).await;
        assert_eq!((one, asked.load(SeqCst)), (two, 1), "asked at {first}");
    }
}

#[tokio::test]
async fn different_queries_ranges_and_steps_do_not_share_a_result() {
    let (cache, asked) = (Cache::new(KEEP), Arc::default());
    let range = |length, step| Window::Range {
        end: Timestamp::UNIX_EPOCH,
        length: Duration::from_secs(length),
        step: Duration::from_secs(step),
    };
    ask(&cache, "up", at(0), &asked).await;
    ask(&cache, "down", at(0), &asked).await;
    for (length, step) in [(60, 1), (60, 2), (61, 1)] {
        ask(&cache, "up", range(length, step), &asked).await;
    }
    assert_eq!(asked.load(SeqCst), 5);
    ask(&cache, "up", range(60, 1), &asked).await;
    assert_eq!(asked.load(SeqCst), 5);
}

#[tokio::test]
async fn first_and_last_timestamp_can_be_queried() {
    let (cache, asked) = (Cache::new(KEEP), Arc::default());
    for end in [Timestamp::MIN, Timestamp::MAX] {
        ask(&cache, "up", Window::Instant { at: end }, &asked).await;
    }
    assert_eq!(asked.load(SeqCst), 2);
}

#[tokio::test]
async fn failure_reaches_all_waiting_callers_and_is_not_cached() {
    let cache = Arc::new(Cache::<Sample>::new(KEEP));
    let (asked, go) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let waiting: Vec<_> = (0..20)
        .map(|_| {
            let (cache, asked, go) = (Arc::clone(&cache), Arc::clone(&asked), Arc::clone(&go));
            tokio::spawn(async move {
                let fetch = |_| async move {
                    asked.fetch_add(1, SeqCst);
                    go.notified().await;
                    Err(MetricsError {
                        code: MetricsErrorCode::Timeout,
                        message: "late".into(),
                    })
                };
                cache.get("up".into(), at(0), fetch).await.unwrap()
            })
        })
        .collect();
    while asked.load(SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    go.notify_one();
    for caller in waiting {
        assert_eq!(caller.await.unwrap().unwrap_err().message, "late");
    }
    assert_eq!(asked.load(SeqCst), 1);
    ask(&cache, "up", at(0), &asked).await;
    assert_eq!(asked.load(SeqCst), 2, "the failure was kept");
}

#[tokio::test]
async fn caller_that_gives_up_does_not_end_the_request_of_others() {
    let cache = Arc::new(Cache::<Sample>::new(KEEP));
    let (asked, go) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let slow = |cache: Arc<Cache<Sample>>| {
        let (asked, go) = (Arc::clone(&asked), Arc::clone(&go));
        let fetch = move |_| async move {
            asked.fetch_add(1, SeqCst);
            go.notified().await;
            Ok(Arc::from([]))
        };
        async move { cache.get("up".into(), at(0), fetch).await.unwrap() }
    };
    let impatient = tokio::time::timeout(Duration::from_millis(20), slow(Arc::clone(&cache))).await;
    assert!(impatient.is_err(), "the first caller should have given up");
    let patient = tokio::spawn(slow(Arc::clone(&cache)));
    tokio::task::yield_now().await;
    go.notify_one();
    assert_eq!(patient.await.unwrap().unwrap().len(), 0);
    assert_eq!(asked.load(SeqCst), 1);
}

#[tokio::test]
async fn panic_of_a_request_is_returned_as_an_error() {
    let (cache, asked) = (Cache::<Sample>::new(KEEP), Arc::default());
    let panicking = |_| async { panic!("on purpose") };
    assert!(cache.get("up".into(), at(0), panicking).await.is_err());
    assert_eq!(ask(&cache, "up", at(0), &asked).await, 0);
}

#[tokio::test]
async fn cache_is_limited_in_bytes() {
    let cache = Cache::<Sample>::new(KEEP);
    for n in 0..100 {
        let fetch = |window: Window| async move {
            let labels = vec![("big".to_owned(), "x".repeat(1 << 20))];
            Ok(Arc::from([Sample {
                labels,
                value: 0.0,
                at: window.end(),
            }]))
        };
        cache
            .get(format!("q{n}").into(), at(0), fetch)
            .await
            .unwrap()
            .unwrap();
    }
    cache.answers.run_pending_tasks().await;
    assert!(
        cache.answers.weighted_size() <= MAX_BYTES,
        "{}",
        cache.answers.weighted_size()
    );
}
