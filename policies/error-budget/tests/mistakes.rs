//! Invalid settings: the pointer and the message of each mistake.

use rollgate_policy_error_budget::ErrorBudget;
use rollgate_sdk::serde_json::{Value, json};
use rollgate_sdk::testing::configure;

#[track_caller]
fn refused(settings: Value) -> String {
    match configure::<ErrorBudget>(settings) {
        Ok(_) => panic!("these settings were accepted"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn settings_without_an_objective_are_refused() {
    assert_eq!(
        refused(json!({"source": "p", "slos": []})),
        "/slos: is empty: without an objective every rollout would pass"
    );
    assert_eq!(
        refused(json!({"source": "", "slos": []})),
        "/source: is empty: name a MetricSource\n/slos: is empty: without an objective every rollout would pass"
    );
}

#[test]
fn objective_that_is_no_percentage_is_refused() {
    assert_eq!(
        refused(
            json!({"source": "p", "slos": [{"name": "a", "objective": 0.999, "ratio": {"errors": "a[${window}]", "total": "b[${window}]"}}]})
        ),
        "/slos/0/objective: is in percent; for 0.999 write 99.9"
    );
    assert_eq!(
        refused(
            json!({"source": "p", "slos": [{"name": "a", "objective": 100, "ratio": {"errors": "a[${window}]", "total": "b[${window}]"}}]})
        ),
        "/slos/0/objective: must be above 0 and below 100 percent, such as 99.9"
    );
}

#[test]
fn burn_rate_that_no_ratio_reaches_is_refused() {
    assert_eq!(
        refused(
            json!({"source": "p", "slos": [{"name": "a", "objective": 90, "ratio": {"errors": "a[${window}]", "total": "b[${window}]"}}]})
        ),
        "/slos/0/objective: allows 0.1 of all requests to fail, so its budget never burns 14.4 times too fast; set `windows` with a lower burnRate"
    );
}

#[test]
fn query_without_a_window_is_refused() {
    assert_eq!(
        refused(
            json!({"source": "p", "slos": [{"name": "a", "objective": 99, "ratio": {"good": "up", "total": "b[${window}]"}}]})
        ),
        "/slos/0/ratio/good: does not use ${window}, so that each window would have the same value; write a query such as sum(rate(http_requests_total[${window}]))"
    );
}

#[test]
fn several_sources_of_the_ratio_are_refused() {
    assert_eq!(
        refused(
            json!({"source": "p", "slos": [{"name": "a", "objective": 99, "ratio": {"errors": "a[${window}]", "total": "b[${window}]"}, "sloth": {"service": "a", "slo": "b"}}]})
        ),
        "/slos/0: takes exactly one of `ratio`, `sloth` and `pyrra`"
    );
    assert_eq!(
        refused(
            json!({"source": "p", "slos": [{"name": "a", "objective": 99, "ratio": {"total": "b[${window}]"}}]})
        ),
        "/slos/0/ratio: takes exactly one of `errors` and `good`"
    );
}

#[test]
fn metric_of_pyrra_that_is_a_query_is_refused() {
    assert_eq!(
        refused(
            json!({"source": "p", "slos": [{"name": "a", "objective": 99, "pyrra": {"metric": "a{b=1}", "slo": "c"}}]})
        ),
        "/slos/0/pyrra/metric: is no name of a metric; write one such as http_requests_total"
    );
}

#[test]
fn windows_in_the_wrong_order_are_refused() {
    assert_eq!(
        refused(
            json!({"source": "p", "slos": [{"name": "a", "objective": 99, "ratio": {"errors": "a[${window}]", "total": "b[${window}]"}}], "windows": [{"long": "5m", "short": "1h", "burnRate": 2}]})
        ),
        "/windows/0/short: `1h` is not shorter than the long window `5m`"
    );
    assert_eq!(
        refused(
            json!({"source": "p", "slos": [{"name": "a", "objective": 99, "ratio": {"errors": "a[${window}]", "total": "b[${window}]"}}], "windows": [{"long": "1h", "short": "5m", "burnRate": 0}]})
        ),
        "/windows/0/burnRate: must be above 0, such as 14.4"
    );
}

#[test]
fn fix_forward_that_is_no_duration_is_refused() {
    assert_eq!(
        refused(
            json!({"source": "p", "slos": [{"name": "a", "objective": 99.9, "ratio": {"errors": "a[${window}]", "total": "b[${window}]"}}], "fixForward": "always"})
        ),
        "/fixForward: `always` is no duration of whole seconds; write 10m, 1h 30m or 90s"
    );
}
