//! Compares the expectations of scenarios with results of policies.

use rollgate_model::scenario::{Expectation, Mismatch};
use rollgate_model::{Change, Evidence, Failure, Finding, Outcome, Severity, Verdict};
use rollgate_yaml as yaml;

fn expectation(text: &str) -> Expectation {
    let mut documents = yaml::read(text.as_bytes());
    documents
        .remove(0)
        .expect("sound YAML")
        .read()
        .expect("a sound expectation")
}

fn finding(rule: &str, path: &str) -> Finding {
    Finding {
        severity: Severity::Deny,
        rule: rule.into(),
        path: path.into(),
        message: "the container has no readiness probe, so traffic reaches it too early".into(),
        found: None,
        expected: Some("a readiness probe".into()),
        hint: None,
        existing: false,
        extra: Vec::new(),
    }
}

fn said(outcome: Outcome, severity: Severity) -> Verdict {
    let finding = |path| Finding {
        severity,
        ..finding("readiness-missing", path)
    };
    let evidence = Evidence {
        name: "errors".into(),
        value: "0.5".into(),
        bound: Some("<= 0.01".into()),
        at: None,
        extra: Vec::new(),
    };
    Verdict::new(outcome, vec![finding("/a"), finding("/b")], vec![evidence])
}

fn denied() -> Result<Verdict, Failure> {
    Ok(said(Outcome::Deny, Severity::Deny))
}

fn held(until: Option<&str>) -> Result<Verdict, Failure> {
    let until = until.map(|until| until.parse().expect("an instant"));
    Ok(said(Outcome::Hold(until), Severity::Hold))
}

fn failed() -> Result<Verdict, Failure> {
    let (code, message) = ("no-data".into(), "the query found no series".into());
    Err(Failure {
        code,
        message,
        extra: Vec::new(),
    })
}

fn check(text: &str, answer: &Result<Verdict, Failure>) -> Result<(), Mismatch> {
    expectation(text).check(Change::Create, answer)
}

#[test]
fn omitted_fields_are_not_compared() {
    check("outcome: deny\n", &denied()).expect("it fits");
    check("outcome: hold\n", &held(None)).expect("it fits");
    check("outcome: failure\n", &failed()).expect("it fits");
}

#[test]
fn list_of_findings_is_complete_in_any_order() {
    check("outcome: deny\nfindings: [{ rule: readiness-missing, path: /b }, { rule: readiness-missing }]\n", &denied())
        .expect("it fits");
    check(
        "outcome: deny\nfindings: [{ rule: readiness-missing }]\n",
        &denied(),
    )
    .expect_err("one more is said");
    check("outcome: deny\nfindings: []\n", &denied()).expect_err("two are said");
}

#[test]
fn end_of_a_hold_is_an_instant_or_unknown() {
    let nine = held(Some("2026-03-02T09:00:00Z"));
    check("{ outcome: hold, until: '2026-03-02T09:00:00Z' }", &nine).expect("it fits");
    check(
        "{ outcome: hold, until: '2026-03-02T10:00:00+01:00' }",
        &nine,
    )
    .expect("it fits");
    check("{ outcome: hold, until: unknown }", &held(None)).expect("it fits");
    check("{ outcome: hold, until: unknown }", &nine).expect_err("it is known");
    check(
        "{ outcome: hold, until: '2026-03-02T09:00:00Z' }",
        &held(None),
    )
    .expect_err("it is not known");
}

#[test]
fn expectation_of_a_result_matches_it_and_can_be_parsed() {
    for answer in [
        denied(),
        held(None),
        held(Some("2026-03-02T09:00:00Z")),
        failed(),
    ] {
        let expected = Expectation::of(Change::Create, &answer);
        expected
            .check(Change::Create, &answer)
            .expect("it is its own");
        let yaml = serde_saphyr::to_string(&expected).expect("it can be written");
        assert_eq!(expectation(&yaml), expected);
    }
}

#[test]
fn every_difference_is_shown() {
    let cases = [
        ("{ outcome: allow, change: rollback }", denied()),
        ("{ outcome: deny }", failed()),
        (
            "{ outcome: failure, code: source, message: timeout }",
            failed(),
        ),
        (
            "{ outcome: hold, until: 2026-03-02T10:00:00Z }",
            held(Some("2026-03-02T09:00:00Z")),
        ),
        (
            "outcome: deny\nfindings:\n  - rule: liveness-missing\n    path: /a\n  - rule: readiness-missing\n    path: /b\n    severity: warn\n    existing: true\n    message: no liveness probe\n    found: nothing\n    hint: add one\n",
            denied(),
        ),
        (
            "outcome: deny\nevidence:\n  - { name: errors, value: '0.4', bound: <= 1 }\n  - name: latency\n",
            denied(),
        ),
        ("outcome: deny\nevidence: []\n", denied()),
    ];
    let shown = cases.map(|(expected, answer)| {
        let mismatch = check(expected, &answer).expect_err(expected);
        format!("{expected}\n{mismatch}\n")
    });
    insta::assert_snapshot!(shown.join("\n"));
}
