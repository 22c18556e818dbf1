//! One scenario, one meaning: each file of a corpus is answered natively and by `rollgate test` with
//! the same verdict or the same error.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rollgate_asking::Asking;
use rollgate_misbehaving::Misbehaving;
use rollgate_model::scenario::{Scenario, ScenarioError, files};
use rollgate_policy_blue_green::BlueGreen;
use rollgate_policy_canary_first::CanaryFirst;
use rollgate_policy_concurrency::Concurrency;
use rollgate_policy_dependencies_first::DependenciesFirst;
use rollgate_policy_error_budget::ErrorBudget;
use rollgate_policy_evidence::EvidencePolicy;
use rollgate_policy_experiment_guard::ExperimentGuard;
use rollgate_policy_metrics_threshold::MetricsThreshold;
use rollgate_policy_probes::Probes;
use rollgate_policy_promotion::Promotion;
use rollgate_policy_time_window::TimeWindow;
use rollgate_sdk::Policy;
use rollgate_sdk::testing::run_file;
use rollgate_tests::server::binary;

/// What is said of each file; nothing of one that passes.
type Told = BTreeMap<PathBuf, String>;

#[test]
fn odd_scenarios_give_the_same_result_natively_and_in_wasm() {
    let mut told = String::new();
    for (folder, (native, wasm)) in [
        (
            "parity/asking",
            both::<Asking>(env!("ASKING"), "parity/asking"),
        ),
        (
            "parity/misbehaving",
            both::<Misbehaving>(env!("MISBEHAVING"), "parity/misbehaving"),
        ),
    ] {
        assert_same(folder, &native, &wasm);
        for (file, why) in native {
            let why = if why.is_empty() { "passes" } else { &why };
            writeln!(told, "# {}\n{why}\n", file.display()).expect("a String");
        }
    }
    insta::assert_snapshot!(told);
}

#[test]
fn bundled_scenarios_give_the_same_result_natively_and_in_wasm() {
    for (folder, (native, wasm)) in [
        bundled::<Probes>("probes"),
        bundled::<TimeWindow>("time-window"),
        bundled::<MetricsThreshold>("metrics-threshold"),
        bundled::<BlueGreen>("blue-green"),
        bundled::<CanaryFirst>("canary-first"),
        bundled::<Concurrency>("concurrency"),
        bundled::<DependenciesFirst>("dependencies-first"),
        bundled::<ErrorBudget>("error-budget"),
        bundled::<EvidencePolicy>("evidence"),
        bundled::<ExperimentGuard>("experiment-guard"),
        bundled::<Promotion>("promotion"),
    ] {
        assert_same(&folder, &native, &wasm);
        let failed: Vec<_> = native.iter().filter(|(_, why)| !why.is_empty()).collect();
        assert!(failed.is_empty(), "{failed:#?}");
    }
}

fn bundled<P: Policy>(name: &str) -> (String, (Told, Told)) {
    let folder = format!("../policies/{name}/scenarios");
    let told = both::<P>(name, &folder);
    (folder, told)
}

fn assert_same(folder: &str, native: &Told, wasm: &Told) {
    assert!(!native.is_empty(), "{folder} has no scenario");
    let differ = |(file, why): &(&PathBuf, &String)| wasm.get(*file) != Some(why);
    let differing: Vec<_> = native.iter().filter(differ).collect();
    let in_wasm: Vec<_> = differing.iter().map(|(file, _)| wasm.get(*file)).collect();
    assert!(
        differing.is_empty(),
        "natively: {differing:#?}\nin Wasm: {in_wasm:#?}"
    );
    assert_eq!(native.len(), wasm.len(), "other files are run: {wasm:#?}");
}

fn both<P: Policy>(module: &str, folder: &str) -> (Told, Told) {
    // The folder that tests start in is that of the package.
    let found = files(Path::new(folder)).expect("the folder can be read");
    let native = found.iter().map(|file| {
        let told = run_file::<P>(file).err().unwrap_or_default();
        (file.clone(), told)
    });
    (native.collect(), in_wasm(module, folder, &found))
}

fn in_wasm(module: &str, folder: &str, found: &[PathBuf]) -> Told {
    let cache = tempfile::tempdir().expect("a folder");
    let output = Command::new(binary())
        .args(["test", "--module", module, folder])
        .env("XDG_CACHE_HOME", cache.path())
        .output()
        .expect("the binary runs");
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    let mut told = results(&stdout);
    for file in found {
        if let Err(error) = Scenario::load(file)
            && stderr.contains(&*file.display().to_string())
            && stderr.contains(&reason(&error))
        {
            told.insert(file.clone(), error.to_string());
        }
    }
    told
}

/// The result of each file, and why it failed.
fn results(report: &str) -> Told {
    let mut told = Told::new();
    let mut failed = None;
    for line in report.lines() {
        let result = line
            .strip_prefix("scenario ")
            .and_then(|line| line.rsplit_once(" ... "));
        if let Some((file, _)) = result {
            told.insert(file.into(), String::new());
        } else if let Some(header) = line.strip_prefix("---- ") {
            let (file, _) = header.split_once(": ").expect("file and name");
            failed = Some(PathBuf::from(file));
        } else if let Some(file) = &failed {
            let why = told.get_mut(file).expect("it has a result");
            writeln!(why, "{}", without_place(line)).expect("a String");
        }
    }
    // The last line sums up, after an empty one as the others.
    let end = |why: &mut String| {
        let text = why.split("\nscenarios: ").next().unwrap_or_default();
        *why = text.trim_end().to_owned();
    };
    told.values_mut().for_each(end);
    told
}

/// In Wasm a crash is told with the line of the source, natively the test's output has it.
fn without_place(line: &str) -> &str {
    match line.rsplit_once(" (") {
        Some((why, place)) if place.contains(".rs:") => why,
        _ => line,
    }
}

/// Why a scenario cannot be read, without the place, which the program shows in the text.
fn reason(error: &ScenarioError) -> String {
    match error {
        ScenarioError::Yaml(wrong) => wrong.kind.to_string(),
        ScenarioError::Invalid(wrong) => wrong.problem.to_string(),
        ScenarioError::Manifest { why, .. } => why.clone(),
        other => other.to_string(),
    }
}

#[test]
fn scenario_of_a_rollout_that_its_policy_does_not_match_fails() {
    let folder = tempfile::tempdir().expect("a folder");
    let put = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("written");
    put(
        "policy.yaml",
        "{apiVersion: rollgate.dev/v1alpha1, kind: ClusterRolloutPolicy, metadata: {name: probes}, \
         spec: {module: {builtin: probes}, match: {namespaces: [bank]}}}",
    );
    let shop = fs::read_to_string("parity/asking/shop.yaml").expect("the manifest");
    put("shop.yaml", &shop);
    put(
        "scenario.yaml",
        "{apiVersion: rollgate.dev/v1alpha1, kind: Scenario, metadata: {name: x}, \
         new: shop.yaml, expect: {outcome: deny}}",
    );
    let output = Command::new(binary())
        .args(["test", "scenario.yaml", "--policies", "policy.yaml"])
        .current_dir(folder.path())
        .env("XDG_CACHE_HOME", folder.path())
        .output()
        .expect("the binary runs");
    let told = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("does not match this create"), "{told}");
}
