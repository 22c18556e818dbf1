//! The bundled policies in the real engine.

use rollgate::config::builtin;
use rollgate::engine::{EvaluationError, PolicyStart};
use rollgate_model::{Outcome, Severity};
use rollgate_tests::evaluation::{self, UPDATE_16K};
use serde_json::{Value, json};
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
                "spec": { "containers": [{ "name": "server", "image": "cart:1" }] },
            },
        },
    })
}
