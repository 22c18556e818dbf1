//! The bundled policies in the real engine.

use std::fs;
use std::path::Path;

use rollgate::config::builtin;
use rollgate::engine::{Engine, EngineOptions, EvaluationError, PolicyStart};
use rollgate_model::{Outcome, Severity};
use rollgate_tests::evaluation::{self, UPDATE_16K};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::Instant;

#[tokio::test]
async fn deployment_with_sound_probes_is_allowed() {
    let engine = evaluation::engine();
    let probes = evaluation::load(&engine, module("probes"), "{}")
        .await
        .expect("it is bundled");
    assert_eq!(probes.start(), &PolicyStart::FromSnapshot);
    let verdict = evaluation::evaluate(
        &probes,
        &evaluation::review(evaluation::rollout(UPDATE_16K)),
    )
    .await;
    assert_eq!(verdict.expect("a verdict").outcome, Outcome::Allow);
}

#[tokio::test]
async fn deployment_without_a_readiness_probe_is_denied_with_its_path() {
    let engine = evaluation::engine();
    let probes = evaluation::load(&engine, module("probes"), "{}")
        .await
        .expect("it is bundled");
    let review = evaluation::review(evaluation::creation(without_readiness()));
    let verdict = evaluation::evaluate(&probes, &review)
        .await
        .expect("a verdict");
    assert_eq!(verdict.outcome, Outcome::Deny);
    assert!(
        verdict
            .findings
            .iter()
            .any(|finding| { finding.path == "/spec/template/spec/containers/0/readinessProbe" })
    );
}

/// The first policy of a module is split from a snapshot of the whole component, the next by comparing its
/// memory.
#[tokio::test]
async fn policy_is_prepared_the_same_alone_and_after_another_of_its_module() {
    let settings = [
        (
            "probes",
            r#"{"limits": {"initialDelaySeconds": 90}}"#.to_owned(),
            "{}".to_owned(),
        ),
        ("time-window", freeze("one"), freeze(&"other".repeat(500))),
        (
            "metrics-threshold",
            check("one"),
            check(&"other".repeat(500)),
        ),
    ];
    for (name, first, second) in settings {
        let (alone, after) = (folder(), folder());
        prepare(alone.path(), name, &[&second]).await;
        prepare(after.path(), name, &[&first, &second]).await;
        let [(policy, prepared)] = &policies(alone.path())[..] else {
            panic!("one policy of {name}");
        };
        let both = policies(after.path());
        assert_eq!(both.len(), 2, "{name}");
        let same = both.iter().find(|(other, _)| other == policy);
        assert!(same.is_some_and(|(_, same)| same == prepared), "{name}");
    }
}

/// Loads policies of a bundled module one after the other, with a cache.
async fn prepare(cache: &Path, name: &str, settings: &[&String]) {
    let engine = Engine::new(&EngineOptions {
        cache: Some(cache.join("cache")),
        ..EngineOptions::default()
    });
    let engine = engine.expect("the machine can hold the pool");
    for settings in settings {
        let policy = evaluation::load(&engine, module(name), settings).await;
        let policy = policy.expect("valid settings");
        assert_eq!(policy.start(), &PolicyStart::FromSnapshot);
    }
}

/// The prepared policies in a cache: their names and contents.
fn policies(cache: &Path) -> Vec<(String, Vec<u8>)> {
    let files = fs::read_dir(cache.join("cache")).expect("the cache");
    let paths = files.map(|file| file.expect("a file").path());
    let policies = paths.filter(|path| path.extension().is_some_and(|end| end == "policy"));
    let read = policies.map(|path| {
        let name = path.file_name().expect("a name").to_string_lossy();
        (name.into_owned(), fs::read(&path).expect("it is ours"))
    });
    read.collect()
}

fn folder() -> TempDir {
    TempDir::new().expect("a folder")
}

fn freeze(reason: &str) -> String {
    let freeze = json!({"yearly": {"from": "12-20", "to": "01-02"}, "reason": reason});
    json!({"timeZone": "Europe/Berlin", "deny": [freeze]}).to_string()
}

fn check(query: &str) -> String {
    let check = json!({"name": "errors", "query": query, "max": 1});
    let answers = json!({"noData": "hold", "nan": "hold", "stale": "allow", "error": "fail"});
    json!({"source": "prometheus", "checks": [check], "answers": answers}).to_string()
}

#[tokio::test]
async fn policies_that_share_code_use_their_own_settings() {
    let engine = evaluation::engine();
    let mut policies = Vec::new();
    for action in ["deny", "warn", "ignore"] {
        let settings = json!({ "rules": { "readiness-missing": action } }).to_string();
        let policy = evaluation::load(&engine, module("probes"), &settings).await;
        policies.push(policy.expect("it is bundled"));
    }
    let review = evaluation::review(evaluation::creation(without_readiness()));
    let expected = [Some(Severity::Deny), Some(Severity::Warn), None];
    // Twice, so that slots in the pool are reused by other policies.
    for (policy, expected) in policies
        .iter()
        .zip(expected)
        .chain(policies.iter().zip(expected))
    {
        let verdict = evaluation::evaluate(policy, &review)
            .await
            .expect("a verdict");
        let mut findings = verdict.findings.iter();
        let missing = findings.find(|finding| finding.rule == "readiness-missing");
        assert_eq!(missing.map(|finding| finding.severity), expected);
    }
}

#[tokio::test]
async fn policy_is_not_run_after_the_deadline() {
    let engine = evaluation::engine();
    let probes = evaluation::load(&engine, module("probes"), "{}")
        .await
        .expect("it is bundled");
    let review = evaluation::review(evaluation::rollout(UPDATE_16K));
    let late = probes.evaluate(&review, Instant::now()).await;
    assert!(matches!(late, Err(EvaluationError::Overloaded)), "{late:?}");
}

fn module(name: &str) -> &'static [u8] {
    builtin::module(name).expect("it is bundled")
}

fn without_readiness() -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": { "name": "cart", "namespace": "shop" },
        "spec": {
            "selector": { "matchLabels": { "app": "cart" } },
            "template": {
                "metadata": { "labels": { "app": "cart" } },
                "spec": { "containers": [{ "name": "server", "image": "cart:1", "ports": [{ "containerPort": 80 }] }] },
            },
        },
    })
}
