//! The rules, their README and their scenarios agree.

use rollgate_policy_availability::rules::Rule;
use rollgate_sdk::testing::{readme_lists_rules, scenarios_cover_rules};

const FOLDER: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn readme_lists_every_rule_with_its_default() {
    readme_lists_rules::<Rule>(FOLDER);
}

#[test]
fn every_rule_has_a_scenario_that_triggers_it_and_one_that_does_not() {
    scenarios_cover_rules::<Rule>(FOLDER);
}
