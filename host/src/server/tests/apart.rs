use std::sync::{Mutex, mpsc};

use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;

use super::client::get;
use super::*;

/// Keeps its thread until the test lets go.
struct Stubborn {
    begun: Arc<Notify>,
    let_go: Mutex<mpsc::Receiver<()>>,
}

impl Answer for Stubborn {
    async fn answer(&self, _body: Bytes, _caller: Caller, _deadline: Instant) -> Reply {
        self.begun.notify_one();
        let _ = self.let_go.lock().expect("no panic").recv();
        Reply::Review("{}".into())
    }
}

fn one_thread() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a thread")
}

async fn apart(answer: impl Answer, threads: &Runtime) -> Running {
    let answer = Apart::new(Arc::new(answer), threads.handle().clone());
    answering(answer, Bounds::default(), Drain::default()).await
}

#[tokio::test]
async fn while_every_thread_is_taken_a_review_is_denied_in_time_and_health_is_told() {
    let threads = one_thread();
    let begun = Arc::new(Notify::new());
    let (hold, let_go) = mpsc::channel();
    let stubborn = Stubborn {
        begun: Arc::clone(&begun),
        let_go: Mutex::new(let_go),
    };
    let server = apart(stubborn, &threads).await;
    let (mut first, mut second) = (server.h1().await, server.h1().await);
    let first = tokio::spawn(async move { first.review(review("answer")).await });
    begun.notified().await;

    let late = second.post("/admit?timeout=500ms", review("answer")).await;
    assert_eq!(late.status.as_u16(), 200);
    assert!(
        late.body.contains("rollgate came to no decision in time"),
        "{}",
        late.body
    );
    assert_eq!(get(server.admin, "/healthz").await.0, 200);
    assert!(!first.is_finished());

    drop(hold);
    assert_eq!(first.await.expect("no panic").body, "{}");
    threads.shutdown_background();
}

#[tokio::test]
async fn a_panic_on_another_thread_is_a_denial_as_well() {
    let threads = one_thread();
    let server = apart(Obedient, &threads).await;
    let mut client = server.h1().await;
    let denied = client.review(review("panic")).await;
    assert!(denied.body.contains("rollgate failed"), "{}", denied.body);
    let answered = client.review(review("answer")).await;
    assert_eq!(
        answered.body,
        r#"{"response":{"allowed":true,"uid":"u-1"}}"#
    );
    threads.shutdown_background();
}
