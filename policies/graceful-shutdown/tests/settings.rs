//! Valid and invalid settings.

use rollgate_policy_graceful_shutdown::GracefulShutdown;
use rollgate_sdk::serde_json::json;
use rollgate_sdk::testing::{assert_refused, configure};

#[test]
fn empty_settings_are_valid() {
    assert!(configure::<GracefulShutdown>(json!({})).is_ok());
}

#[test]
fn negative_drain_time_is_refused() {
    assert_refused::<GracefulShutdown>(json!({"drainSeconds": -1}), "/drainSeconds", "from 0 to");
}

#[test]
fn exception_that_matches_nothing_is_refused() {
    assert_refused::<GracefulShutdown>(
        json!({"exceptions": [{"container": "Web"}]}),
        "/exceptions/0/container",
        "no container can be named",
    );
}
