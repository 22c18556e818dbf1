//! Metric sources against a real Prometheus.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use rollgate::sources::prometheus::{DescribedIn, PrometheusSource};
use rollgate::sources::{Disconnected, Range, Secrets};
use rollgate_model::{MetricsError, MetricsErrorCode, Sample};
use rollgate_tests::prometheus::{Prometheus, SlowProxy, Web};
use tokio::sync::OnceCell;

/// What the shop measures; `shop_pods` has a hundred series.
fn metrics() -> String {
    let pods: String = (0..100)
        .map(|n| format!("shop_pods{{pod=\"{n}\"}} {n}\n"))
        .collect();
    format!(
        "# TYPE shop_error_ratio gauge\n\
         shop_error_ratio{{app=\"cart\",team=\"a \\\"quoted\\\" one\"}} 0.25\n\
         shop_error_ratio{{app=\"idle\"}} NaN\n\
         shop_error_ratio{{app=\"over\"}} +Inf\n\
         shop_error_ratio{{app=\"under\"}} -Inf\n\
         {pods}"
    )
}

/// One server for all tests that leave it as it is.
async fn prometheus() -> &'static Prometheus {
    static SERVER: OnceCell<Prometheus> = OnceCell::const_new();
    SERVER
        .get_or_init(|| async { Prometheus::start(&metrics()).await.expect("a Prometheus") })
        .await
}

/// A source as an operator describes it, with further fields of the spec.
fn source(url: &str, more: &str) -> PrometheusSource {
    let spec = serde_json::from_str(&format!(r#"{{"url": "{url}"{more}}}"#)).expect("a spec");
    let secrets: Arc<dyn Secrets> = Arc::new(Disconnected);
    PrometheusSource::new("prod", &spec, DescribedIn::File, &secrets).expect("a source")
}

async fn ask(query: &str) -> Result<Vec<Sample>, MetricsError> {
    let server = prometheus().await;
    source(server.url(), r#", "timeout": "30s""#)
        .query(query, Timestamp::now())
        .await
}

async fn refused(query: &str) -> MetricsError {
    let error = ask(query).await.expect_err("it should be refused");
    assert!(!error.message.contains("127.0.0.1"), "{error}");
    error
}

#[tokio::test]
#[ignore = "make test"]
async fn instant_query_returns_labels_value_and_time() {
    let now = Timestamp::now();
    let samples = ask(r#"shop_error_ratio{app="cart"}"#).await.unwrap();
    assert_eq!(samples.len(), 1);
    assert_eq!(samples[0].value, 0.25);
    let team = samples[0]
        .labels
        .iter()
        .find(|(name, _)| name == "team")
        .unwrap();
    assert_eq!(team.1, "a \"quoted\" one");
    let age = now.duration_since(samples[0].at);
    assert!(age < SignedDuration::from_secs(6), "evaluated {age:#} ago");
}

#[tokio::test]
#[ignore = "make test"]
async fn nan_and_infinities_are_kept() {
    let samples = ask("sort_desc(shop_error_ratio)").await.unwrap();
    let mut values: Vec<f64> = samples.iter().map(|sample| sample.value).collect();
    values.sort_by(f64::total_cmp);
    assert_eq!(values[..3], [f64::NEG_INFINITY, 0.25, f64::INFINITY]);
    assert!(values[3].is_nan());
}

#[tokio::test]
#[ignore = "make test"]
async fn scalar_is_one_sample_without_labels() {
    let samples = ask("scalar(shop_error_ratio{app=\"cart\"})").await.unwrap();
    assert_eq!(
        (samples.len(), samples[0].value, samples[0].labels.len()),
        (1, 0.25, 0)
    );
}

#[tokio::test]
#[ignore = "make test"]
async fn result_without_data_is_an_empty_list_and_zero_is_not() {
    assert_eq!(ask("shop_nothing").await.unwrap(), []);
    assert_eq!(ask("shop_pods{pod=\"0\"}").await.unwrap()[0].value, 0.0);
}

#[tokio::test]
#[ignore = "make test"]
async fn range_query_returns_both_ends_and_every_step() {
    let server = prometheus().await;
    let end = Timestamp::from_second(1_700_000_000).unwrap();
    let start = end - SignedDuration::from_secs(60);
    let range = Range {
        start,
        end,
        step: Duration::from_secs(15),
    };
    let series = source(server.url(), "")
        .query_range("vector(time())", range)
        .await
        .unwrap();
    let points: Vec<(i64, f64)> = series[0]
        .points
        .iter()
        .map(|point| (point.at.as_second(), point.value))
        .collect();
    let expected: Vec<(i64, f64)> = (0..5)
        .map(|n| 1_699_999_940 + n * 15)
        .map(|at| (at, at as f64))
        .collect();
    assert_eq!(points, expected);
}

#[tokio::test]
#[ignore = "make test"]
async fn range_query_returns_the_scraped_values() {
    let server = prometheus().await;
    let end = Timestamp::now();
    let start = end - SignedDuration::from_secs(10);
    let range = Range {
        start,
        end,
        step: Duration::from_secs(1),
    };
    let query = "shop_error_ratio{app=~\"idle|cart\"}";
    let series = source(server.url(), "")
        .query_range(query, range)
        .await
        .unwrap();
    assert_eq!(series.len(), 2);
    assert!(series[0].points.iter().all(|point| point.value == 0.25));
    assert!(series[1].points.iter().all(|point| point.value.is_nan()));
}

#[tokio::test]
#[ignore = "make test"]
async fn query_that_does_not_parse_is_reported_with_its_position() {
    let error = refused("rate(shop_error_ratio[5m]").await;
    assert_eq!(error.code, MetricsErrorCode::BadQuery);
    assert!(
        error
            .message
            .contains("1:26: parse error: unclosed left parenthesis"),
        "{error}"
    );
}

#[tokio::test]
#[ignore = "make test"]
async fn query_that_cannot_be_evaluated_is_reported_with_its_reason() {
    let error = refused("shop_pods * on(job) shop_error_ratio").await;
    assert_eq!(error.code, MetricsErrorCode::BadQuery);
    assert!(error.message.contains("found duplicate series"), "{error}");
}

#[tokio::test]
#[ignore = "make test"]
async fn results_without_samples_are_bad_queries() {
    for query in ["shop_pods[1m]", "\"text\""] {
        assert_eq!(
            refused(query).await.code,
            MetricsErrorCode::BadQuery,
            "{query}"
        );
    }
}

#[tokio::test]
#[ignore = "make test"]
async fn series_above_the_limit_are_refused() {
    assert_eq!(ask("shop_pods").await.unwrap().len(), 100);
    let error = refused("shop_pods or shop_error_ratio").await;
    assert_eq!(error.code, MetricsErrorCode::TooManySeries);
    assert!(error.message.contains("more than 100 series"), "{error}");
}

#[tokio::test]
#[ignore = "make test"]
async fn response_above_the_limit_of_bytes_is_cut_off() {
    let server = prometheus().await;
    let end = Timestamp::now();
    let start = end - SignedDuration::from_secs(10_000);
    let range = Range {
        start,
        end,
        step: Duration::from_secs(1),
    };
    let part = |n| format!("label_replace(vector(time()), \"n\", \"{n}\", \"\", \"\")");
    let query = (0..10).map(part).collect::<Vec<_>>().join(" or ");
    let source = source(server.url(), r#", "timeout": "30s""#);
    let error = source.query_range(&query, range).await.unwrap_err();
    assert_eq!(error.code, MetricsErrorCode::TooLarge, "{error}");
    let fewer = source.query_range(&part(0), range).await.unwrap();
    assert_eq!(fewer[0].points.len(), 10_001);
}

#[tokio::test]
#[ignore = "make test"]
async fn slow_network_is_a_timeout() {
    let server = prometheus().await;
    let proxy = SlowProxy::before(server.url(), Duration::from_secs(3)).unwrap();
    let url = proxy.url(server.url());
    let error = source(&url, r#", "timeout": "300ms""#)
        .query("up", Timestamp::now())
        .await
        .unwrap_err();
    assert_eq!(error.code, MetricsErrorCode::Timeout);
    assert_eq!(
        error.message,
        "metrics source \"prod\" did not answer within 300ms"
    );
    let patient = source(&url, r#", "timeout": "30s""#)
        .query("up", Timestamp::now())
        .await;
    assert_eq!(patient.unwrap().len(), 1);
}

#[tokio::test]
#[ignore = "make test"]
async fn stopped_server_is_unavailable() {
    let server = Prometheus::start(&metrics()).await.unwrap();
    let source = source(server.url(), r#", "cacheFor": "1s""#);
    let at = Timestamp::now();
    source.query("up", at).await.unwrap();
    drop(server);
    let later = at + SignedDuration::from_secs(10);
    let error = source.query("up", later).await.unwrap_err();
    assert_eq!(error.code, MetricsErrorCode::Unavailable);
    assert_eq!(
        error.message,
        "metrics source \"prod\" cannot be reached: connection refused"
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "make test"]
async fn equal_concurrent_queries_share_one_request() {
    // Of its own, as the server's count is looked at.
    let server = Prometheus::start(&metrics()).await.unwrap();
    // A minute, so that a busy machine does not make answers stale in between.
    let source = source(server.url(), r#", "timeout": "30s", "cacheFor": "1m""#);
    let before = server.requests("/api/v1/query").await.unwrap();
    let at = Timestamp::now();
    let answers = join_all((0..100).map(|_| source.query("vector(7)", at))).await;
    assert!(
        answers
            .iter()
            .flatten()
            .all(|answer| answer[0].value == 7.0)
    );
    assert_eq!(answers.iter().flatten().count(), 100);
    let second_later = at + SignedDuration::from_secs(1);
    assert_eq!(source.query("vector(7)", second_later).await, answers[0]);
    assert_eq!(server.requests("/api/v1/query").await.unwrap() - before, 1);
    let minutes_later = at + SignedDuration::from_mins(2);
    source.query("vector(7)", minutes_later).await.unwrap();
    assert_eq!(server.requests("/api/v1/query").await.unwrap() - before, 2);
}

#[tokio::test]
#[ignore = "make test"]
async fn tls_certificate_and_password_are_verified() {
    let web = Web::guarded().unwrap();
    let server = Prometheus::start_with(&metrics(), &web).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let ca = format!(
        r#", "caFile": "{}""#,
        file("ca.pem", web.certificate().unwrap())
    );
    let password = |path: String| {
        let user = Web::USER;
        format!(r#", "basicAuth": {{"username": "{user}", "password": {{"file": "{path}"}}}}"#)
    };
    let right = password(file("right", Web::PASSWORD));
    let ask = async |more: &str| {
        source(server.url(), more)
            .query("up", Timestamp::now())
            .await
    };

    assert_eq!(ask(&format!("{ca}{right}")).await.unwrap().len(), 1);
    for (more, said) in [
        (ca.clone(), "refuses the credentials (HTTP 401)"),
        (
            format!("{ca}{}", password(file("wrong", "hunter3"))),
            "refuses the credentials",
        ),
        (right, "its authority is not trusted: set ca or caFile"),
    ] {
        let error = ask(&more).await.unwrap_err();
        assert_eq!(error.code, MetricsErrorCode::Unavailable);
        assert!(error.message.contains(said), "{error}");
        assert!(
            !error.message.contains("hunter") && !error.message.contains("127.0.0.1"),
            "{error}"
        );
    }
}

#[tokio::test]
#[ignore = "make test"]
async fn self_signed_ca_certificate_is_trusted_if_it_is_named() {
    let web = Web::guarded_by_authority().unwrap();
    let server = Prometheus::start_with(&metrics(), &web).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let named = file("ca.pem", web.certificate().unwrap());
    let other = Web::guarded_by_authority().unwrap();
    let other = file("other.pem", other.certificate().unwrap());
    let password = file("password", Web::PASSWORD);
    let user = Web::USER;
    let basic =
        format!(r#", "basicAuth": {{"username": "{user}", "password": {{"file": "{password}"}}}}"#);
    let ask = async |more: &str| {
        source(server.url(), more)
            .query("up", Timestamp::now())
            .await
    };

    let ca = |path: &str| format!(r#", "caFile": "{path}"{basic}"#);
    assert_eq!(ask(&ca(&named)).await.unwrap().len(), 1);
    for more in [ca(&other), basic.clone()] {
        let error = ask(&more).await.unwrap_err();
        let said = "its authority is not trusted: set ca or caFile";
        assert!(error.message.contains(said), "{error}");
    }
}
