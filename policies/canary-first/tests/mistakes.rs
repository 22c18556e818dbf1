//! Invalid settings: the pointer and the message of each mistake.

use rollgate_policy_canary_first::CanaryFirst;
use rollgate_sdk::serde_json::{Value, json};
use rollgate_sdk::testing::configure;

#[track_caller]
fn refused(settings: Value) -> String {
    match configure::<CanaryFirst>(settings) {
        Ok(_) => panic!("these settings were accepted"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn name_of_the_canary_that_is_that_of_the_workload_is_refused() {
    assert_eq!(
        refused(json!({"canaryName": "${name}"})),
        "/canaryName: must have ${name} once and something around it, such as ${name}-canary"
    );
    assert_eq!(
        refused(json!({"canaryName": "canary"})),
        "/canaryName: must have ${name} once and something around it, such as ${name}-canary"
    );
}

#[test]
fn canary_by_name_and_labels_is_refused() {
    assert_eq!(
        refused(
            json!({"canaryName": "${name}-c", "canaryLabels": {"has": {"a": "b"}, "shares": "c"}})
        ),
        "/canaryName: is given beside `canaryLabels`; write one of the two"
    );
    assert_eq!(
        refused(json!({"canaryLabels": {"has": {}, "shares": "c"}})),
        "/canaryLabels: needs labels in `has`, and a key in `shares`"
    );
}

#[test]
fn metrics_that_compare_nothing_are_refused() {
    assert_eq!(
        refused(json!({"metrics": {"source": "p", "requests": {"query": "r", "min": 1}}})),
        "/metrics: compares nothing: give `errorRatio`, `latency` or both"
    );
    assert_eq!(
        refused(
            json!({"metrics": {"source": "p", "requests": {"query": "r", "min": 0}, "latency": {"query": "l", "factor": 1}}})
        ),
        "/metrics/requests/min: must be above 0: without requests nothing can be told"
    );
    assert_eq!(
        refused(
            json!({"metrics": {"source": "p", "requests": {"query": "r", "min": 1}, "latency": {"query": "l", "factor": 0}}})
        ),
        "/metrics/latency/factor: must be above 0, such as 1.5"
    );
}
