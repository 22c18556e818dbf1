use super::client::get;
use super::*;

fn drain() -> Drain {
    Drain {
        delay: Duration::from_secs(2),
        timeout: Duration::from_millis(1500),
    }
}

#[tokio::test]
async fn draining_server_is_not_ready_but_serves_new_clients_and_closes_their_connections() {
    let mut server = start(Bounds::default(), drain()).await;
    let mut idle = server.h1().await;
    assert!(!idle.review(review("answer")).await.closes);
    server.stop();
    eventually(|| server.context.readiness.check().is_err()).await;
    assert_eq!(get(server.admin, "/readyz").await.0, 503);
    assert_eq!(get(server.admin, "/healthz").await.0, 200);

    let answer = idle.review(review("answer")).await;
    assert_eq!((answer.status.as_u16(), answer.closes), (200, true));
    let mut fresh = server.h1().await;
    assert!(fresh.review(review("answer")).await.closes);
    let mut fresh = server.h2().await;
    assert_eq!(fresh.review(review("answer")).await.status, 200);
    timeout(Duration::from_millis(1500), fresh.connection)
        .await
        .expect("GOAWAY after the answer")
        .expect("no panic");
    assert_eq!(server.ended().await, Ended::Clean);
}

#[tokio::test]
async fn draining_server_keeps_idle_http1_connections_and_sends_goaway_to_http2() {
    let mut server = start(Bounds::default(), drain()).await;
    let (mut h1, mut h2) = (server.h1().await, server.h2().await);
    h1.review(review("answer")).await;
    h2.review(review("answer")).await;
    server.stop();
    timeout(Duration::from_millis(1500), h2.connection)
        .await
        .expect("GOAWAY at once")
        .expect("no panic");
    assert!(
        !h1.connection.is_finished(),
        "closed while a request could be on its way"
    );
    timeout(Duration::from_millis(4000), h1.connection)
        .await
        .expect("closed after the delay")
        .expect("no panic");
    assert_eq!(server.ended().await, Ended::Clean);
}

#[tokio::test]
async fn accepted_requests_are_finished_at_shutdown() {
    let mut server = start(Bounds::default(), drain()).await;
    let (mut h1, mut h2) = (server.h1().await, server.h2().await);
    let one = tokio::spawn(async move { h1.review(review("wait 2700")).await });
    let other = tokio::spawn(async move { h2.review(review("wait 2700")).await });
    eventually(|| {
        server
            .context
            .telemetry
            .encode()
            .contains("rollgate_requests_in_flight 2")
    })
    .await;
    server.stop();
    for answer in [one.await.expect("no panic"), other.await.expect("no panic")] {
        assert_eq!(answer.status, 200);
        assert!(answer.body.contains("\"allowed\":true"), "{}", answer.body);
    }
    assert_eq!(server.ended().await, Ended::Clean);
}

#[tokio::test]
async fn hanging_request_is_cut_off_at_the_drain_timeout() {
    let mut server = start(Bounds::default(), drain()).await;
    let mut client = server.h1().await;
    let _hanging = tokio::spawn(async move { client.review(review("hang")).await });
    eventually(|| {
        server
            .context
            .telemetry
            .encode()
            .contains("rollgate_requests_in_flight 1")
    })
    .await;
    let from = Instant::now();
    server.stop();
    assert_eq!(server.ended().await, Ended::CutOff(1));
    assert!(
        from.elapsed() >= Duration::from_millis(3500)
            && from.elapsed() < Duration::from_millis(5500)
    );
}

#[tokio::test]
async fn new_connections_are_refused_after_the_drain_delay() {
    let mut server = start(
        Bounds::default(),
        Drain {
            delay: Duration::ZERO,
            ..drain()
        },
    )
    .await;
    let address = server.address;
    server.stop();
    assert_eq!(server.ended().await, Ended::Clean);
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}
