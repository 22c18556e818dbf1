//! Runs each file in `scenarios/`, which is a rollout and its expected verdict.

use first_policy::PinnedImages;
use rollgate_sdk::serde_json::json;
use rollgate_sdk::testing;

testing::scenarios!(PinnedImages, "scenarios");

#[test]
fn registry_without_a_trailing_slash_is_refused() {
    let refused = testing::configure::<PinnedImages>(
        json!({"registries": ["a.example.com/", "b.example.com"]}),
    );
    let error = refused.err().expect("refused");
    assert_eq!(error.problems()[0].0, "/registries/1");
}
