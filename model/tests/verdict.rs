//! Verdicts that contradict themselves or violate the contract.

use jiff::Timestamp;
use rollgate_model::{Finding, Outcome, Severity, Verdict};

const NOON: Outcome = Outcome::Hold(Some(Timestamp::UNIX_EPOCH));

fn finding(severity: Severity) -> Finding {
    Finding {
        severity,
        rule: "readiness-missing".into(),
        path: "/spec/template".into(),
        message: "There is no readiness probe".into(),
        found: None,
        expected: None,
        hint: None,
        existing: false,
        extra: vec![],
    }
}

fn violations(finding: Finding) -> Vec<String> {
    let verdict = Verdict::new(Outcome::Deny, vec![finding], vec![]);
    verdict
        .violations()
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn stricter_of_outcome_and_findings_decides() {
    let endless = Outcome::Hold(None);
    let cases = [
        (Outcome::Allow, &[][..], Outcome::Allow),
        (
            Outcome::Allow,
            &[Severity::Info, Severity::Warn],
            Outcome::Allow,
        ),
        (Outcome::Allow, &[Severity::Warn, Severity::Hold], endless),
        (
            Outcome::Allow,
            &[Severity::Deny, Severity::Info],
            Outcome::Deny,
        ),
        (NOON, &[Severity::Hold], NOON),
        (NOON, &[Severity::Warn], NOON),
        (NOON, &[Severity::Hold, Severity::Deny], Outcome::Deny),
        (Outcome::Deny, &[Severity::Warn], Outcome::Deny),
    ];
    for (said, severities, counts_as) in cases {
        let findings = severities.iter().copied().map(finding).collect();
        let verdict = Verdict::new(said, findings, vec![]);
        assert_eq!(verdict.outcome, counts_as, "{said:?} with {severities:?}");
        assert_eq!(verdict.violations(), [], "{said:?} with {severities:?}");
    }
}

#[test]
fn hold_or_denial_without_a_finding_counts_and_violates_the_contract() {
    for outcome in [Outcome::Hold(None), NOON, Outcome::Deny] {
        let verdict = Verdict::new(outcome, vec![], vec![]);
        assert_eq!(verdict.outcome, outcome);
        let broken = verdict.check_contract().expect_err("no reason").to_string();
        assert!(broken.contains("no finding says why"), "{broken}");
    }
}

#[test]
fn path_that_is_no_json_pointer_violates_the_contract() {
    let with = |path: &str| Finding {
        path: path.into(),
        ..finding(Severity::Deny)
    };
    for path in ["", "/", "/spec/replicas", "/a~0b/c~1d", "/spec//0", "/ "] {
        assert_eq!(violations(with(path)), [""; 0], "{path:?}");
    }
    for path in [
        "spec/replicas",
        "spec.replicas",
        "#/spec",
        "/a~",
        "/a~2",
        "~",
        " /spec",
    ] {
        let told = violations(with(path));
        assert!(told[0].starts_with("findings/0/path: "), "{told:?}");
    }
    let verdict = Verdict::new(Outcome::Deny, vec![with("spec/replicas")], vec![]);
    assert_eq!(verdict.findings[0].path, "", "it is about the whole object");
}

#[test]
fn rule_without_the_syntax_of_a_label_value_violates_the_contract() {
    let with = |rule: &str| Finding {
        rule: rule.into(),
        ..finding(Severity::Deny)
    };
    for rule in ["a", "readiness-missing", "Rule_7.b", &"x".repeat(63)] {
        assert_eq!(violations(with(rule)), [""; 0], "{rule:?}");
    }
    for rule in [
        "",
        " ",
        "Not A Rule!",
        "-a",
        "a-",
        "a/b",
        "ä",
        "a\n",
        &"x".repeat(64),
    ] {
        let told = violations(with(rule));
        assert!(told[0].starts_with("findings/0/rule: "), "{told:?}");
    }
}

#[test]
fn finding_without_a_message_is_shown_by_its_rule() {
    for message in ["", " \t\n"] {
        let empty = Finding {
            message: message.into(),
            ..finding(Severity::Deny)
        };
        assert!(violations(empty.clone())[0].starts_with("findings/0/message: "));
        let verdict = Verdict::new(Outcome::Deny, vec![empty], vec![]);
        let shown = &verdict.findings[0].message;
        assert!(shown.contains("readiness-missing"), "{shown}");
    }
}

#[test]
fn number_of_reported_violations_is_limited() {
    let bad = Finding {
        rule: "x".repeat(1 << 20),
        ..finding(Severity::Warn)
    };
    let verdict = Verdict::new(Outcome::Allow, vec![bad; 100], vec![]);
    let told = verdict.check_contract().expect_err("bad rules").to_string();
    assert!(told.len() < 8 << 10, "{} bytes", told.len());
}
