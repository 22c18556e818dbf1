use http_body_util::Full;
use hyper::Request;

use super::client::get;
use super::*;

#[tokio::test]
async fn review_is_answered_over_http1_and_http2() {
    let server = Running::defaults().await;
    for client in [&mut server.h1().await, &mut server.h2().await] {
        let answer = client.review(review("answer")).await;
        assert_eq!((answer.status.as_u16(), answer.closes), (200, false));
        assert_eq!(answer.body, r#"{"response":{"allowed":true,"uid":"u-1"}}"#);
    }
}

#[tokio::test]
async fn wrong_request_is_rejected_with_a_hint() {
    let server = start(
        Bounds {
            body: 100,
            ..Bounds::default()
        },
        Drain::default(),
    )
    .await;
    let json = "application/json";
    let cases = [
        (
            "GET",
            "/admit",
            json,
            "",
            405,
            "method GET is not allowed here: use POST\n",
        ),
        (
            "POST",
            "/validate",
            json,
            "{}",
            404,
            "there is nothing at this path: reviews are sent to POST /admit, or to the secret path below it if one is set; health and metrics are on the admin port\n",
        ),
        (
            "POST",
            "/admit",
            "text/yaml",
            "{}",
            415,
            "the content type must be application/json, found text/yaml\n",
        ),
        (
            "POST",
            "/admit?timeout=soon",
            json,
            "{}",
            400,
            "the query parameter timeout=soon is not a duration above zero such as 5s or 1m30s\n",
        ),
        ("POST", "/admit", json, "no", 400, "the body is not JSON\n"),
        (
            "POST",
            "/admit",
            json,
            &"x".repeat(101),
            413,
            "the body is larger than 100 bytes; the limit is set with --body-limit\n",
        ),
    ];
    let mut client = server.h1().await;
    for (method, target, content_type, body, status, text) in cases {
        let request = Request::builder()
            .method(method)
            .uri(target)
            .header("content-type", content_type);
        let request = request
            .body(Full::from(body.to_owned()))
            .expect("a request");
        let answer = client
            .send(request)
            .await
            .expect("an answer on a connection that lives on");
        assert_eq!(
            (answer.status.as_u16(), answer.body.as_str()),
            (status, text),
            "{method} {target}"
        );
    }
}

#[tokio::test]
async fn content_type_may_have_a_charset() {
    let server = Running::defaults().await;
    let request = Request::post("/admit").header("content-type", "Application/JSON; charset=utf-8");
    let request = request
        .body(Full::from(review("answer")))
        .expect("a request");
    assert_eq!(
        server
            .h1()
            .await
            .send(request)
            .await
            .expect("an answer")
            .status,
        200
    );
}

#[tokio::test]
async fn panic_denies_the_review_and_keeps_the_connection() {
    let server = Running::defaults().await;
    for client in [&mut server.h1().await, &mut server.h2().await] {
        let answer = client.review(review("panic")).await;
        let said: Value = serde_json::from_str(&answer.body).expect("JSON");
        assert_eq!(
            (answer.status.as_u16(), &said["response"]["allowed"]),
            (200, &Value::Bool(false))
        );
        assert_eq!(said["response"]["uid"], "u-1");
        assert_eq!(client.review(review("answer")).await.status, 200);
    }
    assert!(
        server
            .context
            .telemetry
            .encode()
            .contains("rollgate_panics_total 2")
    );
}

#[tokio::test]
async fn hanging_handler_denies_the_review_before_the_timeout() {
    let server = Running::defaults().await;
    let mut client = server.h1().await;
    let from = Instant::now();
    let answer = client.post("/admit?timeout=1s", review("hang")).await;
    assert!(
        from.elapsed() < Duration::from_secs(1),
        "{:?}",
        from.elapsed()
    );
    let said: Value = serde_json::from_str(&answer.body).expect("JSON");
    assert_eq!(said["response"]["allowed"], false);
    assert_eq!(
        said["response"]["status"]["message"],
        "rollgate came to no decision in time"
    );
}

#[tokio::test]
async fn admin_port_serves_health_readiness_metrics_and_active_policies() {
    let server = Running::defaults().await;
    server.h1().await.review(review("answer")).await;
    let text = |path| get(server.admin, path);
    assert_eq!(text("/healthz").await.0, 200);
    assert_eq!(text("/readyz").await.0, 200);
    let (_, content_type, metrics) = text("/metrics").await;
    assert_eq!(
        content_type,
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    );
    assert!(
        metrics.contains("rollgate_request_duration_seconds_count{code=\"200\"} 1"),
        "{metrics}"
    );
    let (_, content_type, info) = text("/info").await;
    assert_eq!(
        (content_type.as_str(), info.as_str()),
        ("application/json", "{\n  \"version\": \"test\"\n}\n")
    );
    assert_eq!(text("/admit").await.0, 404);
    server
        .context
        .readiness
        .missing(vec!["policies/a.yaml:3:5: no such field".to_owned()]);
    let (status, _, missing) = text("/readyz").await;
    assert_eq!(
        (status, missing.as_str()),
        (503, "policies/a.yaml:3:5: no such field\n")
    );
}
