//! Valid and invalid settings.

use rollgate_policy_twelve_factor::TwelveFactor;
use rollgate_sdk::serde_json::json;
use rollgate_sdk::testing::{assert_refused, configure};

#[test]
fn empty_settings_are_valid() {
    assert!(configure::<TwelveFactor>(json!({})).is_ok());
}

#[test]
fn pattern_of_variables_is_refused() {
    assert_refused::<TwelveFactor>(
        json!({"notSecret": ["TZ", "*_TOKEN"]}),
        "/notSecret/1",
        "write the whole name",
    );
}

#[test]
fn empty_variable_is_refused() {
    assert_refused::<TwelveFactor>(
        json!({"literalVariables": [""]}),
        "/literalVariables/0",
        "is no name of a variable",
    );
}
