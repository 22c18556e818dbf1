//! Invalid settings: the pointer and the message of each mistake.

use rollgate_policy_blue_green::BlueGreen;
use rollgate_sdk::serde_json::{Value, json};
use rollgate_sdk::testing::configure;

#[track_caller]
fn refused(settings: Value) -> String {
    match configure::<BlueGreen>(settings) {
        Ok(_) => panic!("these settings were accepted"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn duration_that_is_none_is_refused() {
    assert_eq!(
        refused(json!({"availableFor": "soon"})),
        "/availableFor: `soon` is no duration of whole seconds; write 10m, 1h 30m or 90s"
    );
}
