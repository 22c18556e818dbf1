//! Every scenario of the bundled policies and of the example, judged in Wasm by the real engine.
//! The crates' own tests judge the same files natively; both are held to the same verdict. And the
//! policies that their READMEs show are such as rollgate takes.

use std::fs;
use std::path::{Path, PathBuf};

use rollgate::config::{builtin, read_text};
use rollgate_tests::{evaluation, scenarios};

const EXAMPLE: &str = "target/wasm32-unknown-unknown/release/first_policy.wasm";

#[tokio::test(flavor = "multi_thread")]
async fn probes() {
    hold("probes").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn time_window() {
    hold("time-window").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_threshold() {
    hold("metrics-threshold").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn graceful_shutdown() {
    hold("graceful-shutdown").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn images() {
    hold("images").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn observability() {
    hold("observability").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_thing_at_a_time() {
    hold("one-thing-at-a-time").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn resources() {
    hold("resources").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twelve_factor() {
    hold("twelve-factor").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rollout_strategy() {
    hold("rollout-strategy").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn availability() {
    hold("availability").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "make test"]
async fn first_policy() {
    let example = root().join("examples/first-policy");
    let module = fs::read(example.join(EXAMPLE)).expect("`make example` builds it");
    scenarios::hold(&module, &example.join("scenarios")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_in_the_readmes_are_valid() {
    let engine = evaluation::engine();
    for policy in ["metrics-threshold", "time-window"] {
        let folder = root().join("policies").join(policy);
        let readme = fs::read_to_string(folder.join("README.md")).expect("it has a README");
        let example = readme.split("```yaml\n").nth(1).expect("a YAML block");
        let (example, _) = example.split_once("```").expect("its end");
        let read = read_text("README.md", example, &folder);
        assert_eq!(read.problems, [], "{policy}");
        let [item] = &read.policies[..] else {
            panic!("the README of {policy} begins with one policy: {example}");
        };
        let module = builtin::module(policy).expect("it is bundled");
        let loaded = evaluation::load(&engine, module, &item.policy.settings).await;
        loaded.unwrap_or_else(|error| panic!("{policy}: {error}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sets_have_settings_that_their_modules_accept() {
    let engine = evaluation::engine();
    for set in builtin::SETS {
        let read = read_text(set.name, set.text, Path::new(""));
        assert_eq!(read.problems, [], "{}", set.name);
        assert!(!read.policies.is_empty(), "{}", set.name);
        for item in &read.policies {
            // In a set, a policy has the name of its module.
            let name = item.policy.name.as_str();
            let module = builtin::module(name).expect("it is bundled");
            let loaded = evaluation::load(&engine, module, &item.policy.settings).await;
            loaded.unwrap_or_else(|error| panic!("{} of {}: {error}", name, set.name));
        }
    }
}

/// Holds a bundled policy to all of its scenarios.
async fn hold(policy: &str) {
    let module = builtin::module(policy).expect("it is bundled");
    let folder = root().join("policies").join(policy).join("scenarios");
    scenarios::hold(module, &folder).await;
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
