//! Whole answers: what the API server and the user get for what the policies said.

mod reviews;
mod revisions;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rollgate_model::{
    Evidence, Finding, Kind, Outcome, Request, Revisions, Rollout, Severity, Verdict,
};
use serde_json::{Value, json};

use super::admission_review::{self, ReviewResponse};
use super::decision::{Decision, NoVerdict, PolicyResult};
use super::events::{self, EventKind};
use super::overrides::{Override, OverrideDecision, RejectedOverride, RejectionReason, Uses};
use crate::config::{Action, Matching, NamespaceLabels, OnError, PolicyName};
use crate::engine::{EvaluationError, Review};
use crate::sources::{Disconnected, FixedClock, NamedMetrics, Sources};

#[test]
fn allow_without_findings_has_no_warnings() {
    insta::assert_snapshot!(answer([said("probes", allow([]))]));
}

#[test]
fn findings_of_an_allowed_rollout_are_warnings() {
    let verdict = allow([
        Finding {
            path: "/spec/template/spec/containers/0/livenessProbe".into(),
            ..finding(
                Severity::Warn,
                "liveness-missing",
                "no liveness\u{1b}[31m\nprobe",
            )
        },
        finding(Severity::Info, "fine", "not worth a warning"),
    ]);
    insta::assert_snapshot!(answer([said("probes", verdict)]));
}

#[test]
fn hold_with_an_end_says_when_to_retry() {
    insta::assert_snapshot!(answer([
        said("hours", hold(Some("2026-11-27T12:30:00.5Z"))),
        said("errors", hold(Some("2026-11-27T11:00:00Z"))),
    ]));
}

#[test]
fn hold_without_an_end_has_no_retry_time() {
    insta::assert_snapshot!(answer([
        said("hours", hold(Some("2026-11-27T12:30:00Z"))),
        said("errors", hold(None)),
    ]));
}

#[test]
fn hold_that_has_ended_says_to_retry_now() {
    insta::assert_snapshot!(answer([said("hours", hold(Some("2020-01-01T00:00:00Z")))]));
}

#[test]
fn retry_time_is_limited_to_an_int32() {
    let reply = reply([said("hours", hold(Some("9999-12-30T22:00:00Z")))]);
    let seconds = &reply["response"]["status"]["details"]["retryAfterSeconds"];
    assert_eq!(seconds, &json!(i32::MAX));
}

#[test]
fn denial_has_every_reason_and_no_phrase_that_makes_flux_recreate() {
    let field = Finding {
        path: "/spec/selector".into(),
        found: Some("app=a".into()),
        expected: Some("app=b".into()),
        hint: Some("make another object".into()),
        ..finding(Severity::Deny, "selector", "the selector is\nimmutable")
    };
    insta::assert_snapshot!(answer([
        said("selectors", deny([field])),
        said("hours", hold(Some("2026-11-27T12:30:00Z"))),
        said("mute", deny([])),
        said(
            "shop/light",
            deny([finding(Severity::Warn, "light", "only a warning, but a no")])
        ),
    ]));
}

#[test]
fn failed_policy_has_the_effect_of_its_on_error() {
    let deadline = |millis| EvaluationError::Deadline {
        after: Duration::from_millis(millis),
        waiting_for: Some("the metrics source `prod`".into()),
    };
    let strict = result("strict", Err(NoVerdict::Failed(deadline(1_999))));
    let lenient = |millis| PolicyResult {
        on_error: OnError::Allow,
        ..result("lenient", Err(NoVerdict::Failed(deadline(millis))))
    };
    insta::assert_snapshot!("failing_closed", answer([strict]));
    insta::assert_snapshot!("failing_open", answer([lenient(1_999)]));
    let record = |reply: Value| reply["response"]["auditAnnotations"].clone();
    assert_eq!(
        record(reply([lenient(1_999)])),
        record(reply([lenient(2_001)]))
    );
}

#[test]
fn actions_warn_and_audit_never_deny() {
    let warn = |name, verdict| PolicyResult {
        action: Action::Warn,
        ..said(name, verdict)
    };
    let audit = PolicyResult {
        action: Action::Audit,
        ..said(
            "recorded",
            deny([finding(Severity::Deny, "a", "only recorded")]),
        )
    };
    let failing = PolicyResult {
        action: Action::Warn,
        ..result("broken", Err(NoVerdict::NotLoaded("no such module".into())))
    };
    let mixed = deny([
        finding(Severity::Deny, "heavy", "this is why"),
        finding(Severity::Warn, "light", "this is not"),
    ]);
    insta::assert_snapshot!(answer([
        warn("mixed", mixed),
        warn("mute", hold(None)),
        warn(
            "noted",
            deny([finding(Severity::Info, "info", "all it says")])
        ),
        audit,
        failing,
    ]));
}

#[test]
fn override_is_named_in_warnings_annotations_and_events() {
    let passed_by = an_override();
    let denied = deny([finding(Severity::Deny, "readiness", "no readiness probe")]);
    let result = [said("probes", denied), said("hours", hold(None))];
    let decision = decision(result).with_overrides(OverrideDecision {
        passed: vec![
            (PolicyName::cluster("probes"), Arc::clone(&passed_by)),
            (PolicyName::cluster("hours"), passed_by),
        ],
        rejected: vec![],
    });
    insta::assert_snapshot!(shown(&decision));
    let told = events::events_of(&decision);
    let told: Vec<_> = told
        .iter()
        .map(|one| (one.what, one.note.as_str()))
        .collect();
    let note = "roll-forward by jo passed: probes by override fix until 2026-11-27T11:00:00Z (the shop is down); hours by override fix until 2026-11-27T11:00:00Z (the shop is down)";
    assert_eq!(told, [(EventKind::Overridden, note)]);
}

#[test]
fn override_that_does_not_apply_is_named_with_its_reason() {
    let result = [said(
        "probes",
        deny([finding(Severity::Deny, "readiness", "no probe")]),
    )];
    let refused = |name: &str, why| RejectedOverride {
        name: name.into(),
        reason: why,
    };
    let decision = decision(result).with_overrides(OverrideDecision {
        passed: vec![],
        rejected: vec![
            refused(
                "old",
                RejectionReason::Expired("2026-11-27T09:00:00Z".parse().expect("an instant")),
            ),
            refused(
                "fix",
                RejectionReason::NotRecorded("the API server did not answer in time".into()),
            ),
        ],
    });
    insta::assert_snapshot!(shown(&decision));
}

#[test]
fn warnings_are_limited_to_what_the_api_server_forwards() {
    let many =
        (0..40).map(|index| finding(Severity::Warn, "w", &format!("{index} {}", "ü".repeat(300))));
    let reply = reply([said("loud", allow(many))]);
    let warnings = reply["response"]["warnings"].as_array().expect("warnings");
    let texts: Vec<_> = warnings.iter().filter_map(Value::as_str).collect();
    assert_eq!(texts.len(), 16);
    assert_eq!(
        texts[15],
        "rollgate: 25 more warnings; their rules are in its log"
    );
    assert!(texts.iter().map(|text| text.len()).sum::<usize>() <= 4 << 10);
}

#[test]
fn message_is_limited_and_keeps_its_last_line() {
    let many = || (0..2_000).map(|_| finding(Severity::Deny, "d", &"x".repeat(500)));
    let all = (0..40).map(|index| said(&format!("policy-{index}"), deny(many())));
    let reply = reply(all);
    let response = &reply["response"];
    let message = response["status"]["message"].as_str().expect("a message");
    assert!(
        message.len() < 17 << 10 && message.ends_with("this is a test."),
        "{message}"
    );
    assert!(response["auditAnnotations"].to_string().len() < 80 << 10);
}

/// The JSON of the response, with the message after it so that it can be read.
fn answer(results: impl IntoIterator<Item = PolicyResult>) -> String {
    shown(&decision(results))
}

fn shown(decision: &Decision) -> String {
    let mut reply = sent(decision);
    let status = reply["response"]["status"].as_object_mut();
    let message = status.expect("a status").remove("message");
    let json = serde_json::to_string_pretty(&reply).expect("JSON");
    match message.as_ref().and_then(Value::as_str) {
        Some(message) => format!("{json}\n\n{message}"),
        None => json,
    }
}

fn reply(results: impl IntoIterator<Item = PolicyResult>) -> Value {
    sent(&decision(results))
}

fn decision(results: impl IntoIterator<Item = PolicyResult>) -> Decision {
    Decision::of(
        review(),
        results.into_iter().collect(),
        vec![],
        NamespaceLabels::NotNeeded,
    )
}

fn sent(decision: &Decision) -> Value {
    let ReviewResponse(bytes) =
        admission_review::decided("u-1".into(), std::slice::from_ref(decision));
    serde_json::from_slice(&bytes).expect("JSON")
}

fn an_override() -> Arc<Override> {
    Arc::new(Override {
        name: "fix".into(),
        namespace: "shop".into(),
        kind: Kind::Deployment,
        workload: "cart".into(),
        policies: [PolicyName::cluster("probes"), PolicyName::cluster("hours")].into(),
        reason: "the shop is down".into(),
        expires: "2026-11-27T11:00:00Z".parse().expect("an instant"),
        users: BTreeSet::new(),
        images: BTreeSet::new(),
        template: None,
        uses: Uses::Any,
    })
}

fn review() -> Arc<Review> {
    let now: Timestamp = "2026-11-27T10:00:00Z".parse().expect("an instant");
    let sources = Sources {
        clock: Arc::new(FixedClock(now)),
        metrics: Arc::new(NamedMetrics::default()),
        cluster: Arc::new(Disconnected),
        history: Arc::new(Disconnected),
    };
    Arc::new(Review::new("u-1".into(), rollout(), sources))
}

/// An update to another image, of a Deployment whose earlier revisions are not known.
fn rollout() -> Rollout {
    let cart = |image: &str| {
        let mut cart = reviews::cart();
        cart["spec"]["template"]["spec"]["containers"][0]["image"] = image.into();
        cart
    };
    let request = Request {
        user: "jo".into(),
        ..Request::update(cart("cart:1"), cart("cart:2"))
    };
    let revisions = Revisions::NoCluster {
        why: "this is a test".into(),
    };
    let classified = request.classify_with(&revisions).expect("a workload");
    classified.into_rollout().expect("a rollout")
}

fn said(name: &str, verdict: Verdict) -> PolicyResult {
    result(name, Ok(verdict))
}

fn result(name: &str, verdict: Result<Verdict, NoVerdict>) -> PolicyResult {
    let policy = match name.split_once('/') {
        Some((namespace, name)) => PolicyName::namespaced(namespace, name),
        None => PolicyName::cluster(name),
    };
    PolicyResult {
        policy,
        matching: Matching::AsClassified,
        action: Action::Enforce,
        on_error: OnError::Deny,
        verdict,
        duration: Duration::ZERO,
        passed_by: None,
    }
}

fn allow(findings: impl IntoIterator<Item = Finding>) -> Verdict {
    verdict(Outcome::Allow, findings)
}

fn deny(findings: impl IntoIterator<Item = Finding>) -> Verdict {
    verdict(Outcome::Deny, findings)
}

fn hold(until: Option<&str>) -> Verdict {
    let until = until.map(|until| until.parse().expect("an instant"));
    let evidence = Evidence {
        name: "clock".into(),
        value: "ten\no'clock".into(),
        bound: None,
        at: None,
        extra: vec![],
    };
    Verdict::new(Outcome::Hold(until), vec![], vec![evidence])
}

fn verdict(outcome: Outcome, findings: impl IntoIterator<Item = Finding>) -> Verdict {
    Verdict::new(outcome, findings.into_iter().collect(), vec![])
}

fn finding(severity: Severity, rule: &str, message: &str) -> Finding {
    Finding {
        severity,
        rule: rule.into(),
        path: String::new(),
        message: message.into(),
        found: None,
        expected: None,
        hint: None,
        existing: false,
        extra: vec![],
    }
}
