//! Invalid settings: the pointer and the message of each mistake.

use rollgate_policy_metrics_threshold::{MetricsThreshold, Settings};
use rollgate_sdk::{Policy, serde_json};

fn refused(settings: &str) -> String {
    let settings: Settings = serde_json::from_str(settings).expect("settings of the right shape");
    MetricsThreshold::new(settings)
        .expect_err("a mistake")
        .to_string()
}

/// Returns the errors for one check in otherwise valid settings.
fn refused_check(check: &str) -> String {
    refused(&format!(
        r#"{{
            "source": "prometheus",
            "answers": {{"noData": "hold", "nan": "hold", "stale": "allow", "error": "fail"}},
            "checks": [{check}]
        }}"#
    ))
}

#[test]
fn settings_without_checks_are_refused() {
    insta::assert_snapshot!(refused(r#"{"checks": []}"#), @"/checks: is empty: without a check every rollout would pass");
}

#[test]
fn check_with_only_a_query_is_refused() {
    insta::assert_snapshot!(refused(r#"{"checks": [{"name": "queue", "query": "up"}]}"#), @r#"
    /checks/0/source: is missing: name a MetricSource here, or for all checks in the settings' own `source`
    /checks/0: give `min`, `max` or both: without a bound every value would pass
    /checks/0/answers/noData: is missing here and in the settings' own `answers`; say allow, warn, hold, deny or fail
    /checks/0/answers/nan: is missing here and in the settings' own `answers`; say allow, warn, hold, deny or fail
    /checks/0/answers/stale: is missing here and in the settings' own `answers`; say allow, warn, hold, deny or fail
    /checks/0/answers/error: is missing here and in the settings' own `answers`; say allow, warn, hold, deny or fail
    "#);
}

#[test]
fn max_age_of_a_query_without_freshness_is_refused() {
    insta::assert_snapshot!(refused_check(
        r#"{"name": "queue", "query": "up", "max": 1, "maxAge": "2m", "answers": {"stale": "hold"}}"#
    ), @"/checks/0/freshness: is missing: the query alone does not show how old its samples are, as Prometheus returns the time of the query as the timestamp; write a query for their Unix time, such as max(timestamp(METRIC{...})), or set `answers.stale` to allow");
}

#[test]
fn answer_for_stale_samples_without_max_age_is_refused() {
    insta::assert_snapshot!(refused_check(
        r#"{"name": "queue", "query": "up", "max": 1, "answers": {"stale": "hold"}, "freshness": "time()"}"#
    ), @"/checks/0/maxAge: is missing here and in the settings; write 2m, or set `answers.stale` to allow");
}

#[test]
fn two_checks_with_one_name_are_refused() {
    insta::assert_snapshot!(refused_check(
        r#"{"name": "queue", "query": "up", "max": 1}, {"name": "queue", "query": "down", "max": 1}"#
    ), @"/checks/1/name: is the name of an earlier check too");
}

#[test]
fn name_that_is_a_sentence_is_refused() {
    insta::assert_snapshot!(refused_check(
        r#"{"name": "The queue", "query": "up", "max": 1}"#
    ), @"/checks/0/name: must be small letters, digits and `-`, at most 63, such as error-ratio");
}

#[test]
fn check_of_two_kinds_is_refused() {
    insta::assert_snapshot!(refused_check(
        r#"{"name": "queue", "query": "up", "requestRate": {"metric": "up"}, "max": 1}"#
    ), @"/checks/0: takes exactly one of `query`, `requestRate`, `errorRatio`, `latency`, `utilization` and `saturation`");
}

#[test]
fn bounds_that_no_value_keeps_are_refused() {
    insta::assert_snapshot!(refused_check(
        r#"{"name": "queue", "query": "up", "min": 2, "max": 1}"#
    ), @"/checks/0: `min` is above `max`: no value would pass");
}

#[test]
fn unknown_variable_is_refused() {
    insta::assert_snapshot!(refused_check(
        r#"{"name": "queue", "query": "up{pod=~\"${pod}\"}", "max": 1}"#
    ), @"/checks/0/query: there is no variable `${pod}`; there are: namespace, name, kind, label:KEY, pods");
}

#[test]
fn variable_outside_of_quotes_is_refused_in_a_query() {
    insta::assert_snapshot!(refused_check(
        r#"{"name": "queue", "query": "${name}_queue_length", "max": 1}"#
    ), @"/checks/0/query: `${name}` must be inside double or single quotes, where its value can be escaped");
}

#[test]
fn ready_made_check_with_invalid_names_is_refused() {
    insta::assert_snapshot!(refused_check(
        r#"{"name": "errors", "max": 0.1,
            "errorRatio": {"metric": "http_requests_total{job=\"a\"}", "label": "status-code", "errors": "", "window": "soon"}}"#
    ), @r#"
    /checks/0/errorRatio/label: `status-code` is no name of a label; write one such as code
    /checks/0/errorRatio/errors: is empty or has a line break; write a regular expression such as 5..
    /checks/0/errorRatio/metric: `http_requests_total{job="a"}` is no name of a metric; write one such as http_requests_total, without labels
    /checks/0/errorRatio/window: `soon` is no duration of whole seconds; write 10m, 1h 30m or 90s
    "#);
}

#[test]
fn quantile_in_percent_is_refused() {
    insta::assert_snapshot!(refused_check(
        r#"{"name": "p99", "max": 1, "latency": {"metric": "request_seconds", "quantile": 99}}"#
    ), @"/checks/0/latency/quantile: `99` is no quantile; write a number between 0 and 1, such as 0.99");
}

#[test]
fn error_ratio_bound_that_nothing_or_everything_breaks_is_refused() {
    let refused = |bounds: &str| {
        refused_check(&format!(
            r#"{{"name": "errors", "errorRatio": {{"metric": "requests_total"}}, {bounds}}}"#
        ))
    };
    insta::assert_snapshot!(refused(r#""max": 5"#), @"/checks/0/max: no error ratio is above 5, as it lies between 0 and 1, so no value breaks this bound; for 5 % write 0.05");
    insta::assert_snapshot!(refused(r#""max": 1"#), @"/checks/0/max: no error ratio is above 1, as it lies between 0 and 1, so no value breaks this bound; for 1 % write 0.01");
    insta::assert_snapshot!(refused(r#""max": 0.5, "min": 2"#), @"/checks/0: `min` is above `max`: no value would pass");
    insta::assert_snapshot!(refused(r#""min": 99.9"#), @"/checks/0/min: every error ratio is below 99.9, as it lies between 0 and 1; for 99.9 % write 0.999");
    insta::assert_snapshot!(refused(r#""min": 0, "max": 1"#), @"/checks/0/max: no error ratio is above 1, as it lies between 0 and 1, so no value breaks this bound; for 1 % write 0.01");
    insta::assert_snapshot!(refused(r#""max": -0.01"#), @"/checks/0/max: every error ratio is above -0.01: every value would break it; write a number from 0 to 1, such as 0.01");
    insta::assert_snapshot!(refused(r#""min": -1, "max": 2"#), @r#"
    /checks/0/min: no error ratio is below -1, so no value breaks this bound; write a number from 0 to 1, such as 0.01
    /checks/0/max: no error ratio is above 2, as it lies between 0 and 1, so no value breaks this bound; for 2 % write 0.02
    "#);
    insta::assert_snapshot!(refused(r#""min": 0"#), @"/checks/0/min: no error ratio is below 0, so no value breaks this bound; give `max`, such as 0.01");
    insta::assert_snapshot!(refused(r#""max": 500"#), @"/checks/0/max: no error ratio is above 500, as it lies between 0 and 1, so no value breaks this bound");
}

#[test]
fn negative_bound_of_a_rate_or_latency_is_refused() {
    insta::assert_snapshot!(refused_check(
        r#"{"name": "rate", "requestRate": {"metric": "requests_total"}, "min": -1}"#
    ), @"/checks/0/min: no request rate is below -1, so no value breaks this bound; write requests per second, such as 10");
    insta::assert_snapshot!(refused_check(
        r#"{"name": "p99", "latency": {"metric": "request_seconds", "quantile": 0.99}, "max": -0.5}"#
    ), @"/checks/0/max: every latency is above -0.5: every value would break it; write seconds, such as 0.5");
}

#[test]
fn bound_that_can_be_broken_is_accepted() {
    for check in [
        r#"{"name": "errors", "errorRatio": {"metric": "requests_total"}, "max": 0}"#,
        r#"{"name": "errors", "errorRatio": {"metric": "requests_total"}, "min": 0, "max": 0.999}"#,
        r#"{"name": "errors", "errorRatio": {"metric": "requests_total"}, "min": 0.5, "max": 1}"#,
        r#"{"name": "rate", "requestRate": {"metric": "requests_total"}, "min": 0}"#,
        r#"{"name": "query", "query": "up", "min": -5, "max": 500}"#,
    ] {
        let settings = format!(
            r#"{{"source": "prometheus", "maxAge": "1m", "checks": [{check}],
                "answers": {{"noData": "hold", "nan": "hold", "stale": "allow", "error": "fail"}}}}"#
        );
        let settings: Settings = serde_json::from_str(&settings).expect("the right shape");
        MetricsThreshold::new(settings).expect(check);
    }
}

#[test]
fn pods_variable_outside_of_a_regex_matcher_is_refused() {
    insta::assert_snapshot!(refused_check(
        r#"{"name": "queue", "query": "sum(up{pod=\"${pods}\"})", "max": 1}"#
    ), @"/checks/0/query: `${pods}` is a regular expression: it must follow `=~` or `!~`");
}

#[test]
fn matchers_in_braces_are_refused() {
    insta::assert_snapshot!(refused_check(
        r#"{"name": "rate", "min": 1, "requestRate": {"metric": "a_total", "matchers": "{job=\"a\"}"}}"#
    ), @"/checks/0/requestRate/matchers: takes the content of a selector's braces, without the braces");
}

#[test]
fn step_without_over_is_refused() {
    insta::assert_snapshot!(refused_check(
        r#"{"name": "queue", "query": "up", "max": 1, "step": "1m"}"#
    ), @"/checks/0/step: is only for `over`, which is not set");
}

#[test]
fn too_many_points_are_refused() {
    insta::assert_snapshot!(refused_check(
        r#"{"name": "queue", "query": "up", "max": 1, "over": "24h", "step": "5s"}"#
    ), @"/checks/0/step: cuts `over` into too many points or none; take a step from 86s to 86400s");
}

#[test]
fn unknown_answer_is_refused() {
    let unknown =
        serde_json::from_str::<Settings>(r#"{"checks": [], "answers": {"noData": "ignore"}}"#);
    let message = unknown.expect_err("an unknown answer").to_string();
    assert!(
        message.starts_with("unknown variant `ignore`, expected one of `allow`"),
        "{message}"
    );
}

#[test]
fn minimum_of_requests_without_requests_is_refused() {
    insta::assert_snapshot!(refused_check(
        r#"{"name": "queue", "query": "up", "max": 1, "minRequests": 100}"#
    ), @"/checks/0/requests: is missing: write a query for the number of requests, such as sum(increase(http_requests_total[5m]))");
    insta::assert_snapshot!(refused_check(
        r#"{"name": "rate", "requestRate": {"metric": "a_total"}, "min": 1, "minRequests": 100}"#
    ), @"/checks/0/minRequests: is only for `errorRatio`, `latency` and `query`");
    insta::assert_snapshot!(refused_check(
        r#"{"name": "errors", "errorRatio": {"metric": "a_total"}, "max": 0.1, "minRequests": 0}"#
    ), @"/checks/0/minRequests: must be above 0, such as 100");
    insta::assert_snapshot!(refused_check(
        r#"{"name": "errors", "errorRatio": {"metric": "a_total"}, "max": 0.1, "requests": "a"}"#
    ), @"/checks/0/requests: is only for `minRequests`, which is not set");
}

#[test]
fn comparison_with_before_that_nothing_can_break_is_refused() {
    let refused = |before: &str| {
        refused_check(&format!(
            r#"{{"name": "queue", "query": "up", "before": {before}}}"#
        ))
    };
    insta::assert_snapshot!(refused(r#"{"at": "rollout"}"#), @"/checks/0/before: gives no bound: write `maxTimes`, `minTimes` or both");
    insta::assert_snapshot!(refused(r#"{"at": "yesterday", "maxTimes": 2}"#), @"/checks/0/before/at: `yesterday` is no duration of whole seconds; write 10m, 1h 30m or 90s");
    insta::assert_snapshot!(refused(r#"{"at": "1d", "maxTimes": -1}"#), @"/checks/0/before/maxTimes: must be above 0");
    insta::assert_snapshot!(refused(r#"{"at": "1d", "maxTimes": 1, "minTimes": 2}"#), @"/checks/0/before: has a `minTimes` above its `maxTimes`: no value would pass");
    insta::assert_snapshot!(refused_check(
        r#"{"name": "queue", "query": "up", "max": 1, "before": {"at": "1d", "maxTimes": 2}}"#
    ), @"/checks/0/before: goes without `min`, `max` and `over`; write two checks");
}

#[test]
fn saturation_beyond_all_of_the_time_is_refused() {
    insta::assert_snapshot!(refused_check(
        r#"{"name": "cpu", "saturation": {"of": "cpuPressure"}, "max": 25}"#
    ), @"/checks/0/max: no saturation is above 25, as it lies between 0 and 1, so no value breaks this bound; for 25 % write 0.25");
}
