//! The README's example is one that the policy takes.

use rollgate_model::yaml;
use rollgate_policy_time_window::TimeWindow;
use rollgate_sdk::testing::configure;

#[test]
fn the_example_of_the_readme_is_accepted() {
    let readme = include_str!("../README.md");
    let example = readme
        .split("```")
        .nth(1)
        .and_then(|block| block.strip_prefix("yaml\n"));
    let documents = yaml::read(example.expect("a YAML block").as_bytes());
    let policy = documents[0].as_ref().expect("YAML").tree.clone();
    let settings = policy["spec"]["settings"].clone();
    assert!(settings.is_object(), "{policy}");
    configure::<TimeWindow>(settings).expect("settings without a mistake");
}
