//! Servers that misbehave. How a sound one answers is shown against a real Prometheus, in the
//! end-to-end tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use rollgate_model::MetricsErrorCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// A server that reads a request and does with the connection as it is told.
struct Server {
    url: String,
    requests: Arc<AtomicUsize>,
}

impl Server {
    async fn start<F, A>(reply: F) -> Self
    where
        F: Fn(TcpStream, String) -> A + Clone + Send + 'static,
        A: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&requests);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (reply, counter) = (reply.clone(), Arc::clone(&counter));
                tokio::spawn(async move {
                    let request = read_request(&mut stream).await;
                    counter.fetch_add(1, SeqCst);
                    reply(stream, request).await;
                });
            }
        });
        Self { url, requests }
    }

    async fn answering(head: &str, body: &str) -> Self {
        let reply = format!(
            "HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        Self::start(move |stream, _| send(stream, reply.clone())).await
    }

    fn source(&self, more: &str) -> PrometheusSource {
        source(&self.url, more)
    }
}

async fn read_request(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer).await.unwrap();
        text.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        if read == 0 || body.len() >= length.map_or(0, |text| text.parse().unwrap()) {
            return text;
        }
    }
}

async fn send(mut stream: TcpStream, reply: String) {
    // The client may have heard enough.
    let _ = stream.write_all(reply.as_bytes()).await;
}

fn source(url: &str, more: &str) -> PrometheusSource {
    let spec = serde_json::from_str(&format!(r#"{{"url": "{url}"{more}}}"#)).unwrap();
    PrometheusSource::new(
        "prod",
        &spec,
        DescribedIn::File,
        &(Arc::new(crate::sources::Disconnected) as Arc<dyn Secrets>),
    )
    .unwrap()
}

/// Asks, and holds every failure to the rule that it shows no address.
async fn failure(source: &PrometheusSource) -> MetricsError {
    let error = source.query("up", Timestamp::UNIX_EPOCH).await.unwrap_err();
    for secret in ["127.0.0.1", "localhost", "http://", "s3cret"] {
        assert!(!error.message.contains(secret), "{error} shows {secret}");
    }
    error
}

const NO_DATA: &str = r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#;

#[tokio::test]
async fn redirect_is_not_followed() {
    let elsewhere = Server::answering("200 OK", NO_DATA).await;
    let head = format!("302 Found\r\nlocation: {}/api/v1/query", elsewhere.url);
    let server = Server::answering(&head, "").await;
    let error = failure(&server.source("")).await;
    assert_eq!(error.code, MetricsErrorCode::Unavailable);
    assert!(error.message.contains("redirect (HTTP 302)"), "{error}");
    assert_eq!(elsewhere.requests.load(SeqCst), 0);
}

#[tokio::test]
async fn response_of_a_proxy_is_not_taken_for_one_of_prometheus() {
    for (head, said) in [
        (
            "502 Bad Gateway\r\ncontent-type: text/html",
            "HTTP 502, with content of type text/html",
        ),
        (
            "200 OK\r\ncontent-type: text/html; charset=utf-8",
            "a proxy or a login page",
        ),
        ("401 Unauthorized", "refuses the credentials (HTTP 401)"),
        ("403 Forbidden", "refuses the credentials (HTTP 403)"),
        ("404 Not Found", "check the path of the url"),
        ("429 Too Many Requests", "overloaded"),
    ] {
        let server = Server::answering(head, "<html>s3cret</html>").await;
        let error = failure(&server.source("")).await;
        assert_eq!(error.code, MetricsErrorCode::Unavailable, "{head}");
        assert!(error.message.contains(said), "{head}: {error}");
    }
}

#[tokio::test]
async fn http_status_decides_before_a_json_body() {
    let error = r#"{"status":"error","error":"authentication error: invalid token"}"#;
    let typed = r#"{"status":"error","errorType":"forbidden","error":"no org id"}"#;
    let own = r#"{"status":"error","errorType":"bad_data","error":"1:1: parse error"}"#;
    for (head, body, said) in [
        (
            "401 Unauthorized",
            error,
            "refuses the credentials (HTTP 401)",
        ),
        (
            "401 Unauthorized",
            NO_DATA,
            "refuses the credentials (HTTP 401)",
        ),
        ("403 Forbidden", typed, "refuses the credentials (HTTP 403)"),
        ("404 Not Found", typed, "check the path of the url"),
        ("405 Method Not Allowed", error, "check the path of the url"),
        ("429 Too Many Requests", typed, "overloaded"),
        ("502 Bad Gateway", error, "fails with HTTP 502"),
        ("500 Internal Server Error", NO_DATA, "fails with HTTP 500"),
        (
            "400 Bad Request",
            own,
            "cannot evaluate the query: 1:1: parse error",
        ),
        (
            "422 Unprocessable",
            own,
            "cannot evaluate the query: 1:1: parse error",
        ),
    ] {
        let server = Server::answering(head, body).await;
        let error = failure(&server.source("")).await;
        assert!(error.message.contains(said), "{head} {body}: {error}");
    }
}

#[tokio::test]
async fn refused_connection_is_reported_without_the_address() {
    let error = failure(&source("http://127.0.0.1:1", "")).await;
    assert_eq!(error.code, MetricsErrorCode::Unavailable);
    assert_eq!(
        error.message,
        "metrics source \"prod\" cannot be reached: connection refused"
    );
}

#[tokio::test]
async fn unresolved_host_is_reported_without_its_name() {
    let error = failure(&source("http://s3cret.invalid:9090", "")).await;
    assert_eq!(error.code, MetricsErrorCode::Unavailable);
    assert!(error.message.contains("name cannot be resolved"), "{error}");
}

#[tokio::test]
async fn server_that_never_answers_is_a_timeout() {
    let server = Server::start(|stream, _| async move {
        tokio::time::sleep(Duration::from_secs(60)).await;
        drop(stream);
    })
    .await;
    let began = std::time::Instant::now();
    let error = failure(&server.source(r#", "timeout": "200ms""#)).await;
    assert_eq!(error.code, MetricsErrorCode::Timeout);
    assert_eq!(
        error.message,
        "metrics source \"prod\" did not answer within 200ms"
    );
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn concurrent_queries_are_limited() {
    let server = Server::start(|stream, _| async move {
        tokio::time::sleep(Duration::from_secs(60)).await;
        drop(stream);
    })
    .await;
    let source = server.source(r#", "timeout": "500ms""#);
    let queries: Vec<String> = (0..40).map(|n| format!("up + {n}")).collect();
    let asked = queries
        .iter()
        .map(|query| source.query(query, Timestamp::UNIX_EPOCH));
    for answer in futures_util::future::join_all(asked).await {
        assert_eq!(answer.unwrap_err().code, MetricsErrorCode::Timeout);
    }
    assert_eq!(server.requests.load(SeqCst), 8);
}

#[tokio::test]
async fn body_that_never_ends_in_time_is_a_timeout() {
    let server = Server::start(|mut stream, _| async move {
        let head = "HTTP/1.1 200 OK\r\ncontent-length: 500000\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        while stream.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let error = failure(&server.source(r#", "timeout": "200ms""#)).await;
    assert_eq!(error.code, MetricsErrorCode::Timeout, "{error}");
}

#[tokio::test]
async fn endless_body_is_cut_off_at_the_limit() {
    let sent = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&sent);
    let server = Server::start(move |mut stream, _| {
        let sent = Arc::clone(&count);
        async move {
            let head = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n";
            stream.write_all(head.as_bytes()).await.unwrap();
            while stream.write_all(&[b' '; 4096]).await.is_ok() {
                sent.fetch_add(4096, SeqCst);
            }
        }
    })
    .await;
    let error = failure(&server.source(r#", "maxBytes": 65536, "timeout": "20s""#)).await;
    assert_eq!(error.code, MetricsErrorCode::TooLarge);
    assert!(error.message.contains("65536 bytes"), "{error}");
    // What the sockets hold in between is not ours to bound.
    assert!(sent.load(SeqCst) < 32 << 20, "{sent:?} bytes were taken");
}

#[tokio::test]
async fn body_announced_too_large_is_not_read() {
    let server = Server::start(|stream, _| {
        send(
            stream,
            "HTTP/1.1 200 OK\r\ncontent-length: 2000000\r\n\r\n".into(),
        )
    })
    .await;
    assert_eq!(
        failure(&server.source("")).await.code,
        MetricsErrorCode::TooLarge
    );
}

#[tokio::test]
async fn response_that_breaks_off_is_an_error() {
    let server = Server::start(|stream, _| {
        send(
            stream,
            format!("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{NO_DATA}"),
        )
    })
    .await;
    assert_eq!(
        failure(&server.source("")).await.code,
        MetricsErrorCode::Unavailable
    );
}

#[tokio::test]
async fn connection_closed_before_the_response_is_retried_once() {
    let server = Server::start(|stream, _| async move { drop(stream) }).await;
    assert_eq!(
        failure(&server.source("")).await.code,
        MetricsErrorCode::Unavailable
    );
    assert_eq!(server.requests.load(SeqCst), 2);
}

#[tokio::test]
async fn request_has_prefix_headers_limits_and_instant() {
    let (sender, mut requests) = tokio::sync::mpsc::unbounded_channel();
    let server = Server::start(move |stream, request| {
        sender.send(request).unwrap();
        send(
            stream,
            format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{NO_DATA}",
                NO_DATA.len()
            ),
        )
    })
    .await;
    let more = r#", "headers": {"X-Scope-OrgID": "team-a"}, "timeout": "1s", "maxSeries": 7"#;
    let source = source(&format!("{}/prometheus/", server.url), more);
    source
        .query(
            "sum(up) + 1",
            Timestamp::from_second(1_700_000_001).unwrap(),
        )
        .await
        .unwrap();
    let request = requests.recv().await.unwrap();
    assert!(
        request.starts_with("POST /prometheus/api/v1/query HTTP/1.1"),
        "{request}"
    );
    assert!(request.contains("x-scope-orgid: team-a"), "{request}");
    let form = request.split_once("\r\n\r\n").unwrap().1;
    // The beginning of the bucket of 2.5 s.
    assert_eq!(
        form,
        "time=1700000000.000&query=sum%28up%29+%2B+1&timeout=1000ms&limit=8&partial_response=false"
    );
}

#[tokio::test]
async fn token_is_sent_but_shown_nowhere() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "s3cret-1\n").unwrap();
    let (sender, mut requests) = tokio::sync::mpsc::unbounded_channel();
    let server = Server::start(move |stream, request| {
        sender.send(request).unwrap();
        send(
            stream,
            "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n".into(),
        )
    })
    .await;
    let more = format!(
        r#", "insecure": true, "bearerToken": {{"file": "{}"}}"#,
        file.path().display()
    );
    let source = server.source(&more);
    failure(&source).await;
    assert!(
        requests
            .recv()
            .await
            .unwrap()
            .contains("authorization: Bearer s3cret-1\r\n")
    );
    std::fs::write(file.path(), "s3cret-2\n").unwrap();
    failure(&source).await;
    assert!(
        requests
            .recv()
            .await
            .unwrap()
            .contains("authorization: Bearer s3cret-2\r\n")
    );
    assert!(!format!("{source:?}").contains("s3cret"));
    std::fs::remove_file(file.path()).unwrap();
    assert!(failure(&source).await.message.contains("cannot be read"));
}

#[tokio::test]
async fn invalid_queries_are_not_sent() {
    let server = Server::answering("200 OK", NO_DATA).await;
    let source = server.source("");
    let at = |second| Timestamp::from_second(second).unwrap();
    let range = |start, end, step| Range {
        start: at(start),
        end: at(end),
        step,
    };
    for (query, range, said) in [
        (
            "up",
            range(10, 0, Duration::from_secs(1)),
            "ends before it starts",
        ),
        ("up", range(0, 10, Duration::ZERO), "less than 1s"),
        (
            "up",
            range(0, 11_000, Duration::from_secs(1)),
            "11001 points",
        ),
        (
            &"x".repeat(20_000),
            range(0, 10, Duration::from_secs(1)),
            "longer than 16384 bytes",
        ),
    ] {
        let error = source.query_range(query, range).await.unwrap_err();
        assert_eq!(error.code, MetricsErrorCode::BadQuery);
        assert!(error.message.contains(said), "{error}");
    }
    assert_eq!(server.requests.load(SeqCst), 0);
}
