//! Valid and invalid settings.

use rollgate_policy_one_thing_at_a_time::OneThingAtATime;
use rollgate_sdk::serde_json::json;
use rollgate_sdk::testing::{assert_refused, configure};

#[test]
fn empty_settings_are_valid() {
    assert!(configure::<OneThingAtATime>(json!({})).is_ok());
}

#[test]
fn one_thing_alone_is_refused() {
    assert_refused::<OneThingAtATime>(
        json!({"things": ["image", "image"]}),
        "/things",
        "fewer than two",
    );
}

#[test]
fn list_that_allows_everything_is_refused() {
    assert_refused::<OneThingAtATime>(
        json!({"things": ["image", "replicas"], "together": [["image"], ["replicas", "image"]]}),
        "/together/1",
        "allows everything",
    );
}

#[test]
fn unknown_thing_is_refused() {
    assert_refused::<OneThingAtATime>(
        json!({"things": ["image", "probes"]}),
        "/things/1",
        "`configuration`",
    );
}
