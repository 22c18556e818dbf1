//! Which reviews ask for earlier revisions, and what the closing hint promises by them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use rollgate_model::{Change, Revision, RevisionQuery, Revisions};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{review, reviews};
use crate::admission::{Caller, Gate};
use crate::config::{Action, Match, OnError, Policy, PolicyName, PolicySet, Refusal, State};
use crate::sources::{History, Reading, Sources};
use crate::telemetry::Telemetry;

/// Cart was `cart:0` in January, and is `cart:1` since February.
#[derive(Default)]
struct TwoRevisions(AtomicUsize);

impl History for TwoRevisions {
    fn revisions<'a>(&'a self, _: &'a RevisionQuery, _: Reading) -> BoxFuture<'a, Revisions> {
        self.0.fetch_add(1, Ordering::Relaxed);
        let revision = |number: i64, image: &str| {
            let created = format!("2026-0{number}-01T00:00:00Z");
            let template = cart(image)["spec"]["template"].take();
            let mut revision = Revision::new(image, created.parse().expect("an instant"), template);
            revision.number = Some(number);
            revision
        };
        ready(Revisions::Known(vec![
            revision(1, "cart:0"),
            revision(2, "cart:1"),
        ]))
        .boxed()
    }
}

#[tokio::test]
async fn revisions_are_read_only_if_the_template_changes() {
    let mut paused = cart("cart:1");
    paused["spec"]["paused"] = true.into();
    let mut restarted = cart("cart:1");
    restarted["spec"]["template"]["metadata"]["annotations"] =
        json!({"kubectl.kubernetes.io/restartedAt": "2026-01-05T00:00:00Z"});
    let mut scaled = cart("cart:1");
    scaled["spec"]["replicas"] = 7.into();
    let cases = [
        (None, cart("cart:1"), 0),
        (Some(cart("cart:1")), cart("cart:1"), 0),
        (Some(cart("cart:1")), restarted, 0),
        (Some(cart("cart:1")), scaled, 0),
        (Some(cart("cart:1")), paused.clone(), 0),
        (Some(cart("cart:1")), cart("cart:2"), 1),
        (Some(paused), cart("cart:1"), 1),
    ];
    for (old, new, reads) in cases {
        let history = Arc::new(TwoRevisions::default());
        let message = format!("{old:?} becomes {new}");
        ask(&history, [everything("all")], old, new).await;
        assert_eq!(history.0.load(Ordering::Relaxed), reads, "{message}");
    }
}

#[tokio::test]
async fn revisions_are_not_read_if_no_policy_matches() {
    let history = Arc::new(TwoRevisions::default());
    let elsewhere = Match::default().namespaces(["bank".to_owned()].into());
    let policies = [policy("elsewhere", elsewhere)];
    let response = ask(&history, policies, Some(cart("cart:1")), cart("cart:2")).await;
    assert_eq!(response["allowed"], true);
    assert_eq!(history.0.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn rollback_is_allowed_by_policies_that_do_not_match_rollbacks() {
    let policies = || [policy("default", Match::default())];
    let history = Arc::new(TwoRevisions::default());
    let back = ask(&history, policies(), Some(cart("cart:1")), cart("cart:0")).await;
    assert_eq!(back["allowed"], true, "{back}");
    let on = ask(&history, policies(), Some(cart("cart:1")), cart("cart:2")).await;
    assert_eq!(on["allowed"], false, "{on}");
}

#[tokio::test]
async fn undo_is_offered_only_if_no_policy_matches_rollbacks() {
    let hint = async |policies: Vec<Policy>| {
        let history = Arc::new(TwoRevisions::default());
        let denied = ask(&history, policies, Some(cart("cart:1")), cart("cart:2")).await;
        let message = denied["status"]["message"].as_str().expect("a message");
        message.lines().last().unwrap_or_default().to_owned()
    };
    assert_eq!(
        hint(vec![policy("default", Match::default())]).await,
        "A rollback is not affected: `kubectl rollout undo` is allowed."
    );
    assert_eq!(
        hint(vec![everything("all"), everything("more")]).await,
        "A rollback by `kubectl rollout undo` is evaluated too, by all, more."
    );
    let watching = Policy {
        action: Action::Warn,
        ..everything("watching")
    };
    assert_eq!(
        hint(vec![policy("default", Match::default()), watching]).await,
        "A rollback is not affected: `kubectl rollout undo` is allowed."
    );
}

fn cart(image: &str) -> Value {
    let mut cart = reviews::cart();
    cart["spec"]["template"]["spec"]["containers"][0]["image"] = image.into();
    cart
}

fn everything(name: &str) -> Policy {
    policy(name, Match::default().changes(Change::ALL))
}

/// A policy that does not load, and denies what it matches.
fn policy(name: &str, matches: Match) -> Policy {
    Policy {
        name: PolicyName::cluster(name),
        matches,
        action: Action::Enforce,
        on_error: OnError::Deny,
        state: State::Refused(Refusal {
            cause: crate::config::RefusalCause::Load,
            problems: vec![],
        }),
        generation: None,
    }
}

async fn ask(
    history: &Arc<TwoRevisions>,
    policies: impl IntoIterator<Item = Policy>,
    old: Option<Value>,
    new: Value,
) -> Value {
    let operation = if old.is_some() { "UPDATE" } else { "CREATE" };
    let parsed = json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "u-1",
            "kind": {"group": "apps", "version": "v1", "kind": "Deployment"},
            "resource": {"group": "apps", "version": "v1", "resource": "deployments"},
            "operation": operation,
            "object": new,
            "oldObject": old,
        },
    });
    let sources = Sources {
        history: Arc::clone(history) as Arc<dyn History>,
        ..review().sources.clone()
    };
    let set = Arc::new(PolicySet::new(policies.into_iter().collect()));
    let gate = Gate::new(set, sources, Telemetry::default());
    let deadline = Instant::now() + Duration::from_secs(5);
    let body = parsed.to_string().into();
    let reply = gate.answer(body, Caller::Unknown, deadline).await;
    let reply = reply.expect("it has a uid");
    let mut reply: Value = serde_json::from_slice(&reply.0).expect("JSON");
    reply["response"].take()
}
