//! Valid and invalid settings.

use rollgate_policy_resources::Resources;
use rollgate_sdk::serde_json::json;
use rollgate_sdk::testing::{assert_refused, configure};

#[test]
fn empty_settings_are_valid() {
    assert!(configure::<Resources>(json!({})).is_ok());
}

#[test]
fn factor_below_one_is_refused() {
    assert_refused::<Resources>(
        json!({"maxChange": {"cpu": 0.5}}),
        "/maxChange/cpu",
        "must be a factor",
    );
}

#[test]
fn ratio_that_is_no_number_is_refused() {
    assert_refused::<Resources>(
        json!({"maxLimitToRequest": {"memory": "4x"}}),
        "/maxLimitToRequest/memory",
        "expected a number",
    );
}

#[test]
fn empty_resource_is_refused() {
    assert_refused::<Resources>(json!({"requests": ["cpu", ""]}), "/requests/1", "is empty");
}

#[test]
fn unknown_rule_is_refused_with_the_known_ones() {
    assert_refused::<Resources>(
        json!({"rules": {"requests-mising": "warn"}}),
        "/rules/requests-mising",
        "did you mean `requests-missing`?",
    );
}

#[test]
fn unknown_level_is_refused_with_the_known_ones() {
    assert_refused::<Resources>(
        json!({"rules": {"requests-missing": "error"}}),
        "/rules/requests-missing",
        "`deny`, `warn`, `info`, `ignore`",
    );
}

#[test]
fn exception_from_an_unknown_rule_is_refused() {
    assert_refused::<Resources>(
        json!({"exceptions": [{"container": "a", "rules": ["requests"]}]}),
        "/exceptions/0/rules/0",
        "`requests` is not allowed here",
    );
}

#[test]
fn exception_for_every_container_is_refused() {
    assert_refused::<Resources>(
        json!({"exceptions": [{"container": "*"}]}),
        "/exceptions/0/container",
        "would find nothing",
    );
}
