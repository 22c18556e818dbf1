//! Whole reviews, sound and otherwise, through the gate.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::review;
use crate::admission::{
    BadRequest, Caller, EventKind, EventSink, Gate, GateOptions, RolloutEvent, WriteAccess,
};
use crate::config::{Action, Match, OnError, Policy, PolicyName, PolicySet, Refusal, State};
use crate::telemetry::Telemetry;

/// Who Argo's controller is.
const ARGO: &str = "system:serviceaccount:argo:rollouts";

#[tokio::test]
async fn policy_that_does_not_load_has_the_effect_of_its_on_error() {
    let denied = respond(OnError::Deny, &creation()).await;
    assert_eq!(denied["allowed"], false);
    assert_eq!(denied["status"]["code"], 403);
    let passed = respond(OnError::Allow, &creation()).await;
    assert_eq!(passed["allowed"], true);
    let warnings = passed["warnings"].to_string();
    assert!(
        warnings.contains("failed, and does not block"),
        "{warnings}"
    );
}

#[tokio::test]
async fn request_that_is_no_rollout_is_allowed_without_a_policy() {
    let config_map = with(
        "/request/kind",
        json!({"group": "", "version": "v1", "kind": "ConfigMap"}),
    );
    let knative = with(
        "/request/kind",
        json!({"group": "serving.knative.dev", "version": "v1", "kind": "Service"}),
    );
    let mut same = creation();
    same["request"]["operation"] = "UPDATE".into();
    same["request"]["oldObject"] = same["request"]["object"].clone();
    for review in [config_map, knative, same] {
        let response = respond(OnError::Deny, &review).await;
        assert_eq!(
            response,
            json!({"uid": "u-1", "allowed": true, "status": {}}),
            "{review}"
        );
    }
}

#[tokio::test]
async fn only_argos_controller_may_change_the_argo_hash_of_a_service() {
    let service = |hash: &str| {
        json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": "cart", "namespace": "shop"},
            "spec": {"selector": {"app": "cart", "rollouts-pod-template-hash": hash}},
        })
    };
    let by = |user: &str| {
        let mut review = with(
            "/request/kind",
            json!({"group": "", "version": "v1", "kind": "Service"}),
        );
        let request = &mut review["request"];
        request["resource"] = json!({"group": "", "version": "v1", "resource": "services"});
        request["operation"] = "UPDATE".into();
        request["userInfo"] = json!({"username": user});
        request["oldObject"] = service("aaa");
        request["object"] = service("bbb");
        review
    };
    for (user, allowed) in [(ARGO, true), ("jo", false), ("", false)] {
        let response = respond(OnError::Deny, &by(user)).await;
        assert_eq!(response["allowed"], allowed, "{user}: {response}");
    }
}

#[tokio::test]
async fn review_with_too_many_values_for_its_size_is_denied_with_its_uid() {
    let full_of = |element: Value| Value::from(vec![element; 300_000]);
    let reviews = [
        with("/request/object/spec/replicas", full_of(json!({"": 0}))),
        with("/request/object/spec/replicas", full_of(json!([[]]))),
        with(
            "/request/object/spec/template/spec/containers",
            full_of(json!({})),
        ),
        with("/request/userInfo", json!({"groups": full_of("".into())})),
    ];
    for review in reviews {
        let response = respond(OnError::Allow, &review).await;
        assert_eq!(response["uid"], "u-1");
        assert_eq!(response["allowed"], false);
        let message = response["status"]["message"].as_str().expect("a reason");
        assert!(
            message.contains("too many values for their size"),
            "{message}"
        );
    }
}

#[tokio::test]
async fn invalid_review_is_denied_with_its_uid_and_a_reason() {
    let cases = [
        (
            with("/request/object", Value::Null),
            "the request has no `object`, which every CREATE has",
        ),
        (
            with("/request/operation", json!("UPDATE")),
            "no `oldObject`",
        ),
        (
            with("/request/operation", json!("DELETE")),
            "no `oldObject`",
        ),
        (
            with("/request/operation", json!("EXPLODE\u{1b}[31m")),
            "`EXPLODE\\u{1b}[31m` is not an admission operation",
        ),
        (
            with("/request/object", json!("cart")),
            "an object of the API",
        ),
        (
            with("/request/object/spec/replicas", json!("many")),
            "/spec/replicas: expected",
        ),
        (
            with("/apiVersion", json!("admission.k8s.io/v1beta1")),
            "list `v1` in the webhook's admissionReviewVersions",
        ),
        (
            with("/request/kind", Value::Null),
            "rollgate cannot read the review",
        ),
    ];
    for (review, words) in cases {
        let response = respond(OnError::Allow, &review).await;
        assert_eq!(
            (&response["uid"], &response["allowed"]),
            (&json!("u-1"), &json!(false))
        );
        assert_eq!(response["status"]["code"], 400);
        let message = response["status"]["message"].as_str().expect("a message");
        assert!(message.contains(words), "{message}");
        assert!(!message.contains(char::is_control), "{message}");
    }
}

/// A yes would let it pass every policy.
#[tokio::test]
async fn workload_of_an_unknown_version_is_denied() {
    let mut review = creation();
    review["request"]["kind"]["version"] = "v2".into();
    review["request"]["object"]["apiVersion"] = "apps/v2".into();
    let response = respond(OnError::Allow, &review).await;
    assert_eq!(response["allowed"], false);
    let message = response["status"]["message"].to_string();
    assert!(message.contains("apps/v2 Deployment"), "{message}");
}

#[tokio::test]
async fn review_without_a_uid_is_a_bad_request() {
    for body in [
        "",
        "{}",
        "[1",
        r#"{"request":{}}"#,
        r#"{"request":{"uid":7}}"#,
        "null",
    ] {
        let error = ask(OnError::Allow, body.to_owned())
            .await
            .expect_err(body)
            .to_string();
        assert!(
            error.starts_with("the body is no AdmissionReview (admission.k8s.io/v1): "),
            "{error}"
        );
    }
}

#[tokio::test]
async fn deep_nesting_does_not_panic() {
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    let mut review = creation();
    review["request"]["object"]["spec"] = "DEEP".into();
    let body = review.to_string().replace("\"DEEP\"", &deep);
    let response = response(&ask(OnError::Allow, body).await.expect("it has a uid"));
    assert_eq!(response["allowed"], false);
}

pub(super) fn cart() -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "cart", "namespace": "shop"},
        "spec": {
            "selector": {"matchLabels": {"app": "cart"}},
            "template": {
                "metadata": {"labels": {"app": "cart"}},
                "spec": {"containers": [{"name": "main", "image": "cart:1"}]},
            },
        },
    })
}

fn creation() -> Value {
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "u-1",
            "kind": {"group": "apps", "version": "v1", "kind": "Deployment"},
            "resource": {"group": "apps", "version": "v1", "resource": "deployments"},
            "namespace": "shop",
            "operation": "CREATE",
            "userInfo": {"username": "jo"},
            "object": cart(),
            "oldObject": null,
        },
    })
}

/// A creation with something else at a pointer.
fn with(pointer: &str, value: Value) -> Value {
    let mut review = creation();
    let (parent, key) = pointer.rsplit_once('/').expect("not the root");
    review.pointer_mut(parent).expect("it stands there")[key] = value;
    review
}

async fn respond(on_error: OnError, review: &Value) -> Value {
    response(
        &ask(on_error, review.to_string())
            .await
            .expect("it has a uid"),
    )
}

fn response(reply: &[u8]) -> Value {
    let mut reply: Value = serde_json::from_slice(reply).expect("JSON");
    assert_eq!(reply["apiVersion"], "admission.k8s.io/v1");
    assert_eq!(reply["kind"], "AdmissionReview");
    reply["response"].take()
}

/// Keeps the Events.
#[derive(Default)]
struct RecordedEvents(Mutex<Vec<EventKind>>);

impl EventSink for RecordedEvents {
    fn send(&self, event: RolloutEvent, _: WriteAccess) {
        self.0.lock().expect("no panic").push(event.what);
    }
}

#[tokio::test]
async fn event_is_sent_for_a_known_caller_and_never_for_a_dry_run() {
    let dry_run = with("/request/dryRun", json!(true));
    let table = [
        (creation(), Caller::Known, vec![EventKind::Denied]),
        (creation(), Caller::Unknown, vec![]),
        (dry_run.clone(), Caller::Known, vec![]),
        (dry_run, Caller::Unknown, vec![]),
    ];
    for (review, caller, expected) in table {
        let told = Arc::new(RecordedEvents::default());
        let gate = gate(OnError::Deny).with_options(GateOptions {
            events: Some(Arc::clone(&told) as Arc<dyn EventSink>),
            ..GateOptions::default()
        });
        let deadline = Instant::now() + Duration::from_secs(5);
        let reply = gate
            .answer(review.to_string().into(), caller, deadline)
            .await;
        let answer = response(&reply.expect("it has a uid").0);
        assert_eq!(answer["allowed"], false, "whoever asks gets the answer");
        let told = told.0.lock().expect("no panic").clone();
        assert_eq!(told, expected, "{caller:?}");
    }
}

async fn ask(on_error: OnError, body: String) -> Result<Vec<u8>, BadRequest> {
    let gate = gate(on_error).with_options(GateOptions {
        argo_controllers: [ARGO.to_owned()].into(),
        ..GateOptions::default()
    });
    let deadline = Instant::now() + Duration::from_secs(5);
    let reply = gate.answer(body.into(), Caller::Unknown, deadline).await?;
    Ok(reply.0.to_vec())
}

/// A gate with one policy, which matches every rollout and does not load.
fn gate(on_error: OnError) -> Gate {
    let broken = Policy {
        name: PolicyName::cluster("broken"),
        matches: Match::default(),
        action: Action::Enforce,
        on_error,
        state: State::Refused(Refusal {
            cause: crate::config::RefusalCause::Load,
            problems: vec![],
        }),
        generation: None,
    };
    let sources = review().sources.clone();
    Gate::new(
        Arc::new(PolicySet::new(vec![broken])),
        sources,
        Telemetry::default(),
    )
}
