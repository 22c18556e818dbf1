//! Invalid settings: the pointer and the message of each mistake.

use rollgate_policy_experiment_guard::ExperimentGuard;
use rollgate_sdk::serde_json::{Value, json};
use rollgate_sdk::testing::configure;

#[track_caller]
fn refused(settings: Value) -> String {
    match configure::<ExperimentGuard>(settings) {
        Ok(_) => panic!("these settings were accepted"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn settings_by_which_nothing_is_found_are_refused() {
    assert_eq!(
        refused(json!({"kinds": []})),
        "/kinds: is empty: no workload would be found"
    );
    assert_eq!(
        refused(json!({"shadowLabel": ""})),
        "/shadowLabel: is empty; write the key of a label"
    );
}
