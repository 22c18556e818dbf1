//! The bundled policies in the real engine.

use rollgate::config::builtin;
use rollgate::engine::{EvaluationError, PolicyStart};
use rollgate_model::{Outcome, Severity};
use rollgate_tests::judging::{self, UPDATE_16K};
use serde_json::{Value, json};
use tokio::time::Instant;

#[tokio::test]
async fn a_sound_deployment_passes_the_probes_policy() {
    let engine = judging::engine();
    let probes = judging::load(&engine, module("probes"), "{}")
        .await
        .expect("it is bundled");
    assert_eq!(probes.start(), &PolicyStart::FromSnapshot);
    let verdict = judging::judge(&probes, &judging::review(judging::rollout(UPDATE_16K))).await;
    assert_eq!(verdict.expect("a verdict").outcome, Outcome::Allow);
}

#[tokio::test]
async fn a_deployment_without_a_readiness_probe_is_denied_with_its_path() {
    let engine = judging::engine();
    let probes = judging::load(&engine, module("probes"), "{}")
        .await
        .expect("it is bundled");
    let review = judging::review(judging::creation(without_readiness()));
    let verdict = judging::judge(&probes, &review).await.expect("a verdict");
    assert_eq!(verdict.outcome, Outcome::Deny);
    assert!(
        verdict
            .findings
            .iter()
            .any(|finding| { finding.path == "/spec/template/spec/containers/0/readinessProbe" })
    );
}

#[tokio::test]
async fn policies_that_share_code_judge_each_by_its_own_settings() {
    let engine = judging::engine();
    let mut policies = Vec::new();
    for action in ["deny", "warn", "ignore"] {
        let settings = json!({ "rules": { "readiness-missing": action } }).to_string();
        let policy = judging::load(&engine, module("probes"), &settings).await;
        policies.push(policy.expect("it is bundled"));
    }
    let review = judging::review(judging::creation(without_readiness()));
    let expected = [Some(Severity::Deny), Some(Severity::Warn), None];
    // Twice, in the places in memory that the others have left.
    for (policy, expected) in policies
        .iter()
        .zip(expected)
        .chain(policies.iter().zip(expected))
    {
        let verdict = judging::judge(policy, &review).await.expect("a verdict");
        let mut findings = verdict.findings.iter();
        let missing = findings.find(|finding| finding.rule == "readiness-missing");
        assert_eq!(missing.map(|finding| finding.severity), expected);
    }
}

#[tokio::test]
async fn a_policy_whose_time_is_over_is_not_run() {
    let engine = judging::engine();
    let probes = judging::load(&engine, module("probes"), "{}")
        .await
        .expect("it is bundled");
    let review = judging::review(judging::rollout(UPDATE_16K));
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
