//! Invalid settings: the pointer and the message of each mistake.

use rollgate_policy_evidence::EvidencePolicy;
use rollgate_sdk::serde_json::{Value, json};
use rollgate_sdk::testing::configure;

#[track_caller]
fn refused(settings: Value) -> String {
    match configure::<EvidencePolicy>(settings) {
        Ok(_) => panic!("these settings were accepted"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn namespace_that_is_not_named_is_refused() {
    assert_eq!(
        refused(json!({})),
        "/namespace: is missing: name the namespace of the Jobs; or set `ownNamespace: accept`, if those who roll out may attest their own images"
    );
}

#[test]
fn age_that_is_no_duration_is_refused() {
    assert_eq!(
        refused(json!({"namespace": "t", "maxAge": "old"})),
        "/maxAge: `old` is no duration of whole seconds; write 10m, 1h 30m or 90s"
    );
}
