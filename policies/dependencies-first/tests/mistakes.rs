//! Invalid settings: the pointer and the message of each mistake.

use rollgate_policy_dependencies_first::DependenciesFirst;
use rollgate_sdk::serde_json::{Value, json};
use rollgate_sdk::testing::configure;

#[track_caller]
fn refused(settings: Value) -> String {
    match configure::<DependenciesFirst>(settings) {
        Ok(_) => panic!("these settings were accepted"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn empty_annotation_is_refused() {
    assert_eq!(
        refused(json!({"annotation": ""})),
        "/annotation: is empty; write a key such as rollgate.dev/depends-on"
    );
}
