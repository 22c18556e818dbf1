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
async fn blue_green() {
    hold("blue-green").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn canary_first() {
    hold("canary-first").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrency() {
    hold("concurrency").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dependencies_first() {
    hold("dependencies-first").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn error_budget() {
    hold("error-budget").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn evidence() {
    hold("evidence").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn experiment_guard() {
    hold("experiment-guard").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn promotion() {
    hold("promotion").await;
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
    for policy in [
        "blue-green",
        "canary-first",
        "concurrency",
        "dependencies-first",
        "error-budget",
        "evidence",
        "experiment-guard",
        "metrics-threshold",
        "promotion",
        "time-window",
    ] {
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

/// Holds a bundled policy to all of its scenarios.
async fn hold(policy: &str) {
    let module = builtin::module(policy).expect("it is bundled");
    let folder = root().join("policies").join(policy).join("scenarios");
    scenarios::hold(module, &folder).await;
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
