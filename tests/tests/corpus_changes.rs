//! Real changes, through a running server with the policy `probes`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Instant;

use rollgate_tests::corpus::corpus;
use rollgate_tests::files::{Files, ask};
use rollgate_tests::report::{count, latencies, say, tell};
use rollgate_tests::server::Serve;
use serde_json::{Value, json};

#[tokio::test]
async fn real_changes_are_classified_and_answered_the_same_twice() {
    let Some(corpus) = corpus() else { return };
    let changes = changes(&corpus);
    let files = Files::new();
    files.policy(PROBES);
    let (server, client) = (files.serve(&[]), files.client());
    server.ready().await;
    let (mut answers, mut taken) = (Vec::new(), Vec::new());
    for (number, change) in changes.iter().enumerate() {
        let asked = Instant::now();
        answers.push(ask(&client, &server, &update(number, change)).await);
        taken.push(asked.elapsed());
    }
    for (number, (change, answer)) in changes.iter().zip(&answers).enumerate() {
        well_formed(number, answer);
        told_apart(change, answer);
        readiness_is_told(change, answer);
        assert_eq!(
            *answer,
            ask(&client, &server, &update(number, change)).await
        );
    }
    tell("changes", &count(answers.iter().map(class)));
    tell("policies", &count(answers.iter().flat_map(said)));
    say(&latencies(taken));
    alive(&server).await;
}

/// As creates the same objects are judged without what was in force before.
#[tokio::test]
async fn creation_without_a_readiness_probe_is_denied() {
    let Some(corpus) = corpus() else { return };
    let files = Files::new();
    files.policy(PROBES);
    let (server, client) = (files.serve(&[]), files.client());
    server.ready().await;
    let mut answers = Vec::new();
    for (number, change) in changes(&corpus).iter().enumerate() {
        let mut review = update(number, change);
        review["request"]["operation"] = "CREATE".into();
        review["request"]["oldObject"] = Value::Null;
        let answer = ask(&client, &server, &review).await;
        well_formed(number, &answer);
        readiness_is_told(change, &answer);
        let new = template(change, "new");
        let denied = serves(new) && lacks_readiness(new, Start::Unprobed);
        assert_eq!(answer["response"]["allowed"], !denied, "{answer}");
        answers.push(answer);
    }
    tell("the same, created", &count(answers.iter().map(class)));
    tell("policies", &count(answers.iter().flat_map(said)));
}

/// The policy `probes` with its default settings.
const PROBES: &str = include_str!("../data/probes-policy.yaml");

fn changes(corpus: &Path) -> Vec<Value> {
    let path = corpus.join("rollouts/microservices-demo.jsonl");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    let changes: Vec<_> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert!(!changes.is_empty(), "{path:?} is empty");
    changes
}

/// A change as the API server would ask about it.
fn update(number: usize, change: &Value) -> Value {
    let placed = |side: &str| {
        let mut object = change[side].clone();
        object["metadata"]["namespace"] = "shop".into();
        object
    };
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": uid(number),
            "kind": {"group": "apps", "version": "v1", "kind": "Deployment"},
            "resource": {"group": "apps", "version": "v1", "resource": "deployments"},
            "name": change["new"]["metadata"]["name"],
            "namespace": "shop",
            "operation": "UPDATE",
            "userInfo": {"username": "jo"},
            "object": placed("new"),
            "oldObject": placed("old"),
        }
    })
}

fn uid(number: usize) -> String {
    format!("change-{number}")
}

/// What the API server demands of an answer (`k8s.io/apiserver`, `webhook/request`): otherwise the
/// call has failed.
fn well_formed(number: usize, answer: &Value) {
    assert_eq!(answer["apiVersion"], "admission.k8s.io/v1");
    assert_eq!(answer["kind"], "AdmissionReview");
    let response = &answer["response"];
    assert_eq!(response["uid"], uid(number));
    match response["allowed"].as_bool() {
        Some(true) => {}
        Some(false) => {
            assert_eq!(response["status"]["code"], 403, "{answer}");
            assert_ne!(response["status"]["message"], "", "{answer}");
        }
        None => panic!("no decision in {answer}"),
    }
}

/// Holds the class against what can be seen without knowing any default.
fn told_apart(change: &Value, answer: &Value) {
    let (old, new) = (template(change, "old"), template(change, "new"));
    let class = class(answer);
    if old == new {
        assert!(!class.starts_with("roll-forward"), "{change}");
    }
    if images(old) != images(new) {
        assert!(class.starts_with("roll-forward"), "{class}: {change}");
    }
}

/// The rules are in the record exactly where a container lacks the probe.
fn readiness_is_told(change: &Value, answer: &Value) {
    let found = |rule: &str| said(answer).contains(&format!("policy.probes: {rule}"));
    let [unasked, asked_at_start] = [Start::Unprobed, Start::Probed]
        .map(|start| lacks_readiness(template(change, "new"), start));
    let serves = serves(template(change, "new"));
    assert_eq!(found("readiness-missing"), unasked && serves, "{answer}");
    assert_eq!(
        found("worker-readiness-missing"),
        unasked && !serves,
        "{answer}"
    );
    assert_eq!(found("readiness-only-at-start"), asked_at_start, "{answer}");
}

/// Whether a startupProbe stands beside.
#[derive(Clone, Copy, PartialEq)]
enum Start {
    Probed,
    Unprobed,
}

fn lacks_readiness(template: &Value, start: Start) -> bool {
    containers(template).iter().any(|container| {
        container["readinessProbe"].is_null()
            && container["startupProbe"].is_object() == (start == Start::Probed)
    })
}

/// Whether a container declares a port.
fn serves(template: &Value) -> bool {
    let mut containers = containers(template).iter();
    containers.any(|container| container["ports"] != Value::Null)
}

fn template<'a>(change: &'a Value, side: &str) -> &'a Value {
    &change[side]["spec"]["template"]
}

fn images(template: &Value) -> Vec<&Value> {
    containers(template)
        .iter()
        .map(|container| &container["image"])
        .collect()
}

fn containers(template: &Value) -> &[Value] {
    let containers = template["spec"]["containers"].as_array();
    containers.map(Vec::as_slice).unwrap_or_default()
}

/// The class of a change and the decision, as the audit annotations have them.
fn class(answer: &Value) -> String {
    let annotations = &answer["response"]["auditAnnotations"];
    match (
        annotations["change"].as_str(),
        annotations["decision"].as_str(),
    ) {
        (Some(change), Some(decision)) => format!("{change}: {decision}"),
        _ => {
            assert_eq!(answer["response"]["allowed"], true, "{answer}");
            "no rollout: allow".to_owned()
        }
    }
}

/// What each policy said, and by which rules.
fn said(answer: &Value) -> BTreeSet<String> {
    let annotations = answer["response"]["auditAnnotations"].as_object();
    let policies = annotations
        .into_iter()
        .flatten()
        .filter(|(key, _)| key.starts_with("policy."));
    policies
        .flat_map(|(key, said)| {
            let said = said.as_str().expect("a text");
            // Each finding is its rule and its path.
            said.split("; ").map(move |part| {
                format!(
                    "{key}: {}",
                    part.split_once(' ').map_or(part, |(rule, _)| rule)
                )
            })
        })
        .collect()
}

async fn alive(server: &Serve) {
    assert_eq!(server.get("/readyz").await.0, 200);
}
