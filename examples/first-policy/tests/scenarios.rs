//! Each file in `scenarios/` is a rollout and the verdict we expect of it.

use first_policy::PinnedImages;
use rollgate_sdk::serde_json::json;
use rollgate_sdk::testing;

testing::scenarios!(PinnedImages, "scenarios");

#[test]
fn a_registry_that_others_could_pretend_to_be_is_refused() {
    let refused = testing::configure::<PinnedImages>(
        json!({"registries": ["a.example.com/", "b.example.com"]}),
    );
    let error = refused.err().expect("refused");
    assert_eq!(error.problems()[0].0, "/registries/1");
}
