//! The scenario format: what it says, what it refuses, what it answers.

use std::path::{Path, PathBuf};

use rollgate_model::scenario::Scenario;

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/scenarios")
        .join(name)
}

fn complete() -> Scenario {
    Scenario::load(&file("complete.yaml")).expect("a sound scenario")
}

#[test]
fn a_scenario_reads_back_as_it_was_written() {
    let scenario = complete();
    let yaml = scenario.to_yaml().expect("scenarios can be written");
    insta::assert_snapshot!(yaml);
    assert_eq!(
        Scenario::parse(yaml.as_bytes()).expect("what was written can be read"),
        scenario
    );
}
