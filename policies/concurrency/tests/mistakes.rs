//! Invalid settings: the pointer and the message of each mistake.

use rollgate_policy_concurrency::Concurrency;
use rollgate_sdk::serde_json::{Value, json};
use rollgate_sdk::testing::configure;

#[track_caller]
fn refused(settings: Value) -> String {
    match configure::<Concurrency>(settings) {
        Ok(_) => panic!("these settings were accepted"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn maximum_of_zero_is_refused() {
    assert_eq!(
        refused(json!({"max": 0})),
        "/max: expected a whole number from 1 to 4294967295, found the number `0`"
    );
}

#[test]
fn settings_by_which_nothing_counts_are_refused() {
    assert_eq!(
        refused(json!({"kinds": []})),
        "/kinds: is empty: nothing would count, so every rollout would pass"
    );
    assert_eq!(
        refused(json!({"label": ""})),
        "/label: is empty; write a key such as team"
    );
}
