use std::sync::{Mutex, mpsc};

use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;

use super::client::get;
use super::*;

/// Keeps its thread until the test lets go.
struct BlockingHandler {
    begun: Arc<Notify>,
    let_go: Mutex<mpsc::Receiver<()>>,
}

impl ReviewHandler for BlockingHandler {
    fn handle(
        self: Arc<Self>,
        _body: ReviewBody,
        _caller: Caller,
        _deadline: Instant,
    ) -> BoxFuture<'static, HandlerResponse> {
        async move {
            self.begun.notify_one();
            let _ = self.let_go.lock().expect("no panic").recv();
            HandlerResponse::Review("{}".into())
        }
        .boxed()
    }
}

fn one_thread() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a thread")
}

async fn start_in(pool: &Runtime, handler: impl ReviewHandler) -> Running {
    let pool = EvaluationPool::new(pool.handle().clone());
    let callers = Callers::default();
    start_with(pool, callers, handler, Bounds::default(), Drain::default()).await
}

#[tokio::test]
async fn busy_pool_denies_a_review_in_time_and_health_is_served() {
    let threads = one_thread();
    let begun = Arc::new(Notify::new());
    let (hold, let_go) = mpsc::channel();
    let stubborn = BlockingHandler {
        begun: Arc::clone(&begun),
        let_go: Mutex::new(let_go),
    };
    let server = start_in(&threads, stubborn).await;
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
async fn panic_in_the_pool_denies_the_review() {
    let threads = one_thread();
    let server = start_in(&threads, ScriptedHandler).await;
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
