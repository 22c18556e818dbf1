//! Every scenario of the bundled policies and of the example, judged in Wasm by the real engine.
//! The crates' own tests judge the same files natively; both are held to the same verdict.

use std::fs;
use std::path::{Path, PathBuf};

use rollgate::config::builtin;
use rollgate_tests::scenarios;

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
#[ignore = "make test"]
async fn first_policy() {
    let example = root().join("examples/first-policy");
    let module = fs::read(example.join(EXAMPLE)).expect("`make example` builds it");
    scenarios::hold(&module, &example.join("scenarios")).await;
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
