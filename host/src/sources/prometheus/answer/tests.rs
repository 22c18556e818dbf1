//! `recorded/` holds answers of Prometheus 2.42, as they came.

use super::*;

macro_rules! recorded {
    ($name:literal) => {
        parse(include_str!(concat!("../recorded/", $name, ".json")))
    };
}

fn parse(body: &str) -> Result<Answer, QueryError> {
    let envelope = Answer::parse(body.as_bytes()).expect("an answer of the API");
    envelope.into_result(100).map(|(answer, _warnings)| answer)
}

fn samples(answer: Result<Answer, QueryError>) -> Vec<Sample> {
    answer.and_then(Answer::into_samples).expect("samples")
}

fn query_failure(answer: Result<Answer, QueryError>) -> String {
    match answer.and_then(Answer::into_samples) {
        Err(QueryError::Query(text)) => text,
        other => panic!("not refused as a query: {other:?}"),
    }
}

#[test]
fn vector_keeps_nan_and_infinities() {
    let samples = samples(recorded!("vector"));
    let values: Vec<f64> = samples.iter().map(|sample| sample.value).collect();
    assert_eq!(values[0], 0.25);
    assert!(values[1].is_nan());
    assert_eq!(values[2..], [f64::INFINITY, f64::NEG_INFINITY]);
    assert_eq!(samples[0].at.to_string(), "2026-11-21T09:19:55.395Z");
}

#[test]
fn labels_are_sorted_and_unescaped() {
    let samples = samples(recorded!("vector"));
    let labels: Vec<(&str, &str)> = samples[0]
        .labels
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(
        labels,
        [
            ("__name__", "shop_error_ratio"),
            ("app", "cart"),
            ("instance", "shop-0"),
            ("job", "shop"),
            ("team", "a \"quoted\" one"),
        ]
    );
}

#[test]
fn scalar_is_one_sample_without_labels() {
    let samples = samples(recorded!("scalar"));
    assert_eq!(samples.len(), 1);
    assert_eq!((samples[0].value, samples[0].labels.len()), (1.5e-7, 0));
}

#[test]
fn result_without_data_is_an_empty_list() {
    assert_eq!(samples(recorded!("no-data")), []);
}

#[test]
fn matrix_is_series_of_points() {
    let series = recorded!("matrix")
        .and_then(Answer::into_series)
        .expect("series");
    assert_eq!(series.len(), 2);
    assert_eq!(series[1].points.len(), 1);
    assert_eq!(series[1].points[0].value, f64::INFINITY);
    assert_eq!(series[1].points[0].at.to_string(), "2026-11-21T09:19:55Z");
}

#[test]
fn range_result_of_an_instant_query_is_a_bad_query() {
    assert!(query_failure(recorded!("range-vector")).contains("rate()"));
}

#[test]
fn text_result_is_a_bad_query() {
    assert!(query_failure(recorded!("string")).contains("text"));
}

#[test]
fn error_message_of_a_bad_query_is_passed_on() {
    assert!(
        query_failure(recorded!("bad-data"))
            .ends_with("1:15: parse error: unclosed left parenthesis")
    );
    assert!(query_failure(recorded!("execution")).starts_with("found duplicate series"));
}

#[test]
fn timeout_of_the_server_is_a_timeout() {
    assert_eq!(recorded!("timeout"), Err(QueryError::ServerTimeout));
}

#[test]
fn series_above_the_limit_are_refused() {
    let body = include_str!("../recorded/vector.json");
    let with_limit = |most| {
        Answer::parse(body.as_bytes())
            .expect("an answer")
            .into_result(most)
    };
    assert_eq!(with_limit(3), Err(QueryError::TooManySeries(3)));
    assert!(with_limit(4).is_ok());
}

#[test]
fn native_histograms_are_a_bad_query_even_beside_numbers() {
    let instant = r#"{"status":"success","data":{"resultType":"vector","result":[
        {"metric":{},"histogram":[1,{"count":"1","sum":"1","buckets":[]}]}]}}"#;
    assert!(query_failure(parse(instant)).contains("histogram_quantile()"));
    let range = r#"{"status":"success","data":{"resultType":"matrix","result":[
        {"metric":{},"values":[[1,"1"]],"histograms":[[2,{"count":"1","sum":"1"}]]}]}}"#;
    assert!(query_failure(parse(range)).contains("histogram_quantile()"));
}

#[test]
fn partial_response_is_refused() {
    let body = r#"{"status":"success","isPartial":true,
        "data":{"resultType":"vector","result":[]}}"#;
    assert_eq!(parse(body), Err(QueryError::Partial));
}

#[test]
fn warnings_are_limited_in_number_and_length() {
    let body = format!(
        r#"{{"status":"success","warnings":["a\nb","{}","c","d"],
        "data":{{"resultType":"vector","result":[]}}}}"#,
        "x".repeat(5000)
    );
    let (_, warnings) = Answer::parse(body.as_bytes())
        .expect("an answer")
        .into_result(1)
        .expect("ok");
    assert_eq!(warnings.len(), 3);
    assert_eq!(warnings[0], "a b");
    assert!(warnings[1].chars().count() < 400);
}

#[test]
fn responses_of_other_servers_are_recognised() {
    for odd in [
        "",
        "<html>",
        "[]",
        "{}",
        r#"{"status":"maybe"}"#,
        r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,2]}]}}"#,
        r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"x"]}]}}"#,
        r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1e300,"1"]}]}}"#,
        r#"{"status":"success","data":{"resultType":"novel","result":[]}}"#,
    ] {
        assert!(Answer::parse(odd.as_bytes()).is_none(), "{odd}");
    }
}

#[test]
fn type_of_a_result_may_follow_it() {
    let item = r#"{"value":[1,"2"],"metric":{"b":"2","a":"0","a":"1"}}"#;
    let body =
        format!(r#"{{"data":{{"result":[{item}],"resultType":"vector"}},"status":"success"}}"#);
    let samples = samples(parse(&body));
    let labels = [("a", "1"), ("b", "2")].map(|(name, value)| (name.into(), value.into()));
    assert_eq!(
        (samples[0].value, &samples[0].labels[..]),
        (2.0, &labels[..])
    );
}
