//! Invalid settings: the pointer and the message of each mistake.

use rollgate_policy_promotion::Promotion;
use rollgate_sdk::serde_json::{Value, json};
use rollgate_sdk::testing::configure;

#[track_caller]
fn refused(settings: Value) -> String {
    match configure::<Promotion>(settings) {
        Ok(_) => panic!("these settings were accepted"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn namespace_that_is_not_named_is_refused() {
    assert_eq!(
        refused(json!({"availableFor": "1h"})),
        "settings: name the other namespace: exactly one of `namespace`, such as staging, and `suffix`"
    );
    assert_eq!(
        refused(json!({"availableFor": "1h", "suffix": {"replace": "-a", "with": "-a"}})),
        "/suffix: must replace an ending by another, such as -prod with -staging"
    );
}

#[test]
fn name_that_is_the_same_for_all_is_refused() {
    assert_eq!(
        refused(json!({"availableFor": "1h", "namespace": "s", "workloadName": "shop"})),
        "/workloadName: does not have ${name}, so every workload would wait for the same one"
    );
}
