//! Valid and invalid settings.

use rollgate_policy_observability::Observability;
use rollgate_sdk::serde_json::json;
use rollgate_sdk::testing::{assert_refused, configure};

#[test]
fn empty_settings_are_valid() {
    assert!(configure::<Observability>(json!({})).is_ok());
}

#[test]
fn empty_variable_is_refused() {
    assert_refused::<Observability>(
        json!({"logLevelVariable": ""}),
        "/logLevelVariable",
        "is empty",
    );
}

#[test]
fn path_without_a_slash_is_refused() {
    assert_refused::<Observability>(
        json!({"infoPaths": ["metrics"]}),
        "/infoPaths/0",
        "is no path",
    );
}

#[test]
fn label_that_nothing_can_have_is_refused() {
    assert_refused::<Observability>(
        json!({"labels": {"pods": ["team", "on call"]}}),
        "/labels/pods/1",
        "is no key of a label",
    );
}
