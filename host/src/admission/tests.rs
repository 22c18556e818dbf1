//! Whole answers: what the API server and the user get for what the policies said.

mod reviews;
mod revisions;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rollgate_model::{
    Asker, Evidence, Finding, Kind, Operation, Outcome, Request, Reviewed, Revisions, Rollout,
    Severity, SubResource, Verdict,
};
use serde_json::{Value, json};

use super::announcement::{self, Announced};
use super::decision::{Decision, Judged, Unjudged};
use super::overrides::{Override, Refused, Ruling, Uses, Why};
use super::wire::{self, Reply};
use crate::config::{Action, Matching, NamespaceLabels, OnError, PolicyName};
use crate::engine::{EvaluationError, Review};
use crate::sources::{Disconnected, FixedClock, NamedMetrics, Sources};

#[test]
fn allowed_without_a_word() {
    insta::assert_snapshot!(answer([said("probes", allow([]))]));
}

#[test]
fn allowed_with_warnings() {
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
fn a_hold_with_an_end_says_when_to_try_again() {
    insta::assert_snapshot!(answer([
        said("hours", hold(Some("2026-11-27T12:30:00.5Z"))),
        said("errors", hold(Some("2026-11-27T11:00:00Z"))),
    ]));
}

#[test]
fn a_hold_without_an_end_names_no_time() {
    insta::assert_snapshot!(answer([
        said("hours", hold(Some("2026-11-27T12:30:00Z"))),
        said("errors", hold(None)),
    ]));
}

#[test]
fn a_hold_that_has_passed_says_so_and_asks_for_another_try() {
    insta::assert_snapshot!(answer([said("hours", hold(Some("2020-01-01T00:00:00Z")))]));
}

#[test]
fn a_hold_until_the_end_of_time_fits_the_api() {
    let reply = reply([said("hours", hold(Some("9999-12-30T22:00:00Z")))]);
    let seconds = &reply["response"]["status"]["details"]["retryAfterSeconds"];
    assert_eq!(seconds, &json!(i32::MAX));
}

#[test]
fn every_policy_that_denies_is_heard_and_flux_recreates_nothing() {
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
fn a_failing_policy_counts_as_its_on_error_says() {
    let deadline = |millis| EvaluationError::Deadline {
        after: Duration::from_millis(millis),
        waiting_for: Some("the metrics source `prod`".into()),
    };
    let strict = judged("strict", Err(Unjudged::Failed(deadline(1_999))));
    let lenient = |millis| Judged {
        on_error: OnError::Allow,
        ..judged("lenient", Err(Unjudged::Failed(deadline(millis))))
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
fn warn_and_audit_never_deny() {
    let warn = |name, verdict| Judged {
        action: Action::Warn,
        ..said(name, verdict)
    };
    let audit = Judged {
        action: Action::Audit,
        ..said(
            "recorded",
            deny([finding(Severity::Deny, "a", "only recorded")]),
        )
    };
    let failing = Judged {
        action: Action::Warn,
        ..judged("broken", Err(Unjudged::NotLoaded("no such module".into())))
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
fn what_an_override_lets_pass_is_told_and_recorded() {
    let passage = an_override();
    let denied = deny([finding(Severity::Deny, "readiness", "no readiness probe")]);
    let judged = [said("probes", denied), said("hours", hold(None))];
    let decision = decision(judged).overruled(Ruling {
        passed: vec![
            (PolicyName::cluster("probes"), Arc::clone(&passage)),
            (PolicyName::cluster("hours"), passage),
        ],
        refused: vec![],
    });
    insta::assert_snapshot!(shown(&decision));
    let told = announcement::of(&decision);
    let told: Vec<_> = told
        .iter()
        .map(|one| (one.what, one.note.as_str()))
        .collect();
    let note = "roll-forward by jo passed: probes by override fix until 2026-11-27T11:00:00Z (the shop is down); hours by override fix until 2026-11-27T11:00:00Z (the shop is down)";
    assert_eq!(told, [(Announced::Overridden, note)]);
}

#[test]
fn an_override_that_does_not_apply_is_told_with_why() {
    let judged = [said(
        "probes",
        deny([finding(Severity::Deny, "readiness", "no probe")]),
    )];
    let refused = |name: &str, why| Refused {
        name: name.into(),
        why,
    };
    let decision = decision(judged).overruled(Ruling {
        passed: vec![],
        refused: vec![
            refused(
                "old",
                Why::Expired("2026-11-27T09:00:00Z".parse().expect("an instant")),
            ),
            refused(
                "fix",
                Why::NotRecorded("the API server did not answer in time".into()),
            ),
        ],
    });
    insta::assert_snapshot!(shown(&decision));
}

#[test]
fn warnings_are_as_many_as_the_api_server_passes_on() {
    let many =
        (0..40).map(|index| finding(Severity::Warn, "w", &format!("{index} {}", "ü".repeat(300))));
    let reply = reply([said("loud", allow(many))]);
    let warnings = reply["response"]["warnings"].as_array().expect("warnings");
    let texts: Vec<_> = warnings.iter().filter_map(Value::as_str).collect();
    assert_eq!(texts.len(), 16);
    assert_eq!(
        texts[15],
        "rollgate: 25 more warnings; its log names their rules"
    );
    assert!(texts.iter().map(|text| text.len()).sum::<usize>() <= 4 << 10);
}

#[test]
fn an_answer_stays_bounded_and_keeps_its_last_line() {
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

/// The answer's JSON, its message apart so that it can be read.
fn answer(judged: impl IntoIterator<Item = Judged>) -> String {
    shown(&decision(judged))
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

fn reply(judged: impl IntoIterator<Item = Judged>) -> Value {
    sent(&decision(judged))
}

fn decision(judged: impl IntoIterator<Item = Judged>) -> Decision {
    Decision::of(
        review(),
        judged.into_iter().collect(),
        vec![],
        NamespaceLabels::NotNeeded,
    )
}

fn sent(decision: &Decision) -> Value {
    let Reply(bytes) = wire::decided("u-1".into(), decision);
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
        Some(cart)
    };
    let request = Request {
        operation: Operation::Update,
        sub_resource: SubResource::None,
        namespace: None,
        user: "jo".into(),
        groups: vec![],
        asker: Asker::Other,
        dry_run: false,
        object: cart("cart:2"),
        old_object: cart("cart:1"),
    };
    let revisions = Revisions::OutOfReach {
        why: "this is a test".into(),
    };
    match Rollout::from_request(request, &revisions).expect("a workload") {
        Reviewed::Rollout(rollout) => *rollout,
        Reviewed::NotARollout { why, .. } => panic!("not a rollout: {why}"),
    }
}

fn said(name: &str, verdict: Verdict) -> Judged {
    judged(name, Ok(verdict))
}

fn judged(name: &str, said: Result<Verdict, Unjudged>) -> Judged {
    let policy = match name.split_once('/') {
        Some((namespace, name)) => PolicyName::namespaced(namespace, name),
        None => PolicyName::cluster(name),
    };
    Judged {
        policy,
        matching: Matching::AsClassified,
        action: Action::Enforce,
        on_error: OnError::Deny,
        said,
        took: Duration::ZERO,
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
