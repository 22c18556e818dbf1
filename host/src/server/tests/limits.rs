use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::client::tls;
use super::*;

fn bounds() -> Bounds {
    Bounds {
        idle: Duration::from_secs(2),
        head: Duration::from_millis(200),
        ..Bounds::default()
    }
}

#[tokio::test]
async fn idle_connection_is_closed_at_the_idle_timeout() {
    let server = start(bounds(), Drain::default()).await;
    let mut clients = [server.h1().await, server.h2().await];
    let mut asked = Instant::now();
    for pause in [0, 700, 700] {
        sleep(Duration::from_millis(pause)).await;
        asked = Instant::now();
        for client in &mut clients {
            assert_eq!(client.review(review("answer")).await.status, 200);
        }
    }
    for client in clients {
        timeout(Duration::from_secs(10), client.connection)
            .await
            .expect("closed")
            .expect("no panic");
        assert!(
            asked.elapsed() >= Duration::from_millis(1990),
            "{:?}",
            asked.elapsed()
        );
    }
}

#[tokio::test]
async fn long_request_does_not_count_as_idle() {
    let server = start(bounds(), Drain::default()).await;
    assert_eq!(
        server.h1().await.review(review("wait 2500")).await.status,
        200
    );
    assert_eq!(
        server.h2().await.review(review("wait 2500")).await.status,
        200
    );
}

#[tokio::test]
async fn slow_request_head_is_cut_off() {
    let server = start(bounds(), Drain::default()).await;
    let mut stream = tls(server.address, &server.ca, b"http/1.1")
        .await
        .expect("a handshake");
    let from = Instant::now();
    let cut = async {
        for byte in b"POST /admit HTTP/1.1\r\nhost: localhost\r\n"
            .iter()
            .cycle()
        {
            if stream.write_all(&[*byte]).await.is_err() || stream.flush().await.is_err() {
                return;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_millis(1500), cut)
        .await
        .expect("cut off before the idle timeout");
    assert!(from.elapsed() >= Duration::from_millis(200));
}

#[tokio::test]
async fn stalled_body_gets_408_at_the_deadline() {
    let server = start(bounds(), Drain::default()).await;
    let mut stream = tls(server.address, &server.ca, b"http/1.1")
        .await
        .expect("a handshake");
    let head = "POST /admit?timeout=1s HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\nabc";
    stream.write_all(head.as_bytes()).await.expect("sent");
    let mut answer = vec![0; 2048];
    let read = timeout(Duration::from_secs(5), stream.read(&mut answer))
        .await
        .expect("in time")
        .expect("an answer");
    let answer = String::from_utf8_lossy(&answer[..read]).into_owned();
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(
        answer.ends_with("the body did not arrive completely before the deadline: got 3 bytes\n"),
        "{answer}"
    );
}

fn at_most(connections: usize) -> Bounds {
    Bounds {
        connections,
        ..Bounds::default()
    }
}

#[tokio::test]
async fn connection_beyond_the_limit_waits_while_all_others_are_busy() {
    let server = start(at_most(2), Drain::default()).await;
    let (mut first, mut second) = (server.h1().await, server.h2().await);
    let first = tokio::spawn(async move { first.review(review("wait 600")).await });
    let second = tokio::spawn(async move { second.review(review("wait 600")).await });
    sleep(Duration::from_millis(100)).await;
    let third = tls(server.address, &server.ca, b"http/1.1");
    let mut third = std::pin::pin!(third);
    assert!(
        timeout(Duration::from_millis(200), third.as_mut())
            .await
            .is_err(),
        "accepted beyond the limit"
    );
    timeout(Duration::from_secs(5), third)
        .await
        .expect("accepted now")
        .expect("a handshake");
    for busy in [first, second] {
        assert_eq!(busy.await.expect("no panic").status, 200);
    }
}

#[tokio::test]
async fn idle_connections_never_keep_a_new_one_out() {
    let server = start(at_most(64), Drain::default()).await;
    let mut used = server.h1().await;
    assert_eq!(used.review(review("answer")).await.status, 200);
    let flood = (0..8).map(|_| {
        let (address, ca) = (server.address, server.ca.clone());
        tokio::spawn(async move {
            let mut open = Vec::new();
            loop {
                if let Ok(stream) = tls(address, &ca, b"http/1.1").await {
                    open.push(stream);
                }
            }
        })
    });
    let flood: Vec<_> = flood.collect();
    sleep(Duration::from_millis(200)).await;
    for _ in 0..5 {
        let connect = async {
            loop {
                // Beside such a flood, a connection may be closed before its first request.
                let Ok(stream) = tls(server.address, &server.ca, b"http/1.1").await else {
                    continue;
                };
                let mut client = Client::over_h1(stream).await;
                if let Ok(answer) = client.try_review(review("answer")).await {
                    break answer;
                }
            }
        };
        let answer = timeout(Duration::from_secs(5), connect).await;
        assert_eq!(answer.expect("a new connection gets in").status, 200);
    }
    flood.iter().for_each(JoinHandle::abort);
}

#[tokio::test]
async fn connection_without_a_request_is_closed() {
    let server = start(bounds(), Drain::default()).await;
    let mut stream = tls(server.address, &server.ca, b"http/1.1")
        .await
        .expect("a handshake");
    let mut nothing = [0; 1];
    let closed = timeout(Duration::from_secs(5), stream.read(&mut nothing)).await;
    assert!(matches!(closed.expect("closed in time"), Ok(0) | Err(_)));
}

#[tokio::test]
async fn client_without_tls_is_rejected() {
    let server = start(bounds(), Drain::default()).await;
    let mut stream = tokio::net::TcpStream::connect(server.address)
        .await
        .expect("connected");
    stream
        .write_all(b"GET /admit HTTP/1.1\r\n\r\n")
        .await
        .expect("sent");
    let mut answer = Vec::new();
    let ended = timeout(Duration::from_secs(5), stream.read_to_end(&mut answer))
        .await
        .expect("closed");
    assert!(ended.is_err() || !answer.starts_with(b"HTTP"), "{answer:?}");
}
