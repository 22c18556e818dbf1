//! The verdict of a threshold for each kind of value.

use rollgate_sdk::jiff::{SignedDuration, Timestamp};
use rollgate_sdk::metrics::{MetricsError, MetricsErrorCode, Sample};
use rollgate_sdk::threshold::{Answer, Answers, Bounds, BoundsError, Threshold};
use rollgate_sdk::{Failure, Outcome, Severity, Verdict};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn threshold(bounds: Bounds, answer: Answer) -> Threshold {
    Threshold {
        name: "error-ratio".to_owned(),
        bounds,
        breach: Severity::Deny,
        max_age: SignedDuration::from_mins(2),
        answers: Answers {
            no_data: answer,
            nan: answer,
            stale: answer,
            error: answer,
        },
    }
}

fn at_most(max: f64) -> Bounds {
    Bounds::new(None, Some(max)).expect("sound bounds")
}

fn sample(value: f64) -> Sample {
    Sample {
        labels: Vec::new(),
        value,
        at: NOW,
    }
}

fn judge(samples: Vec<Sample>, answer: Answer) -> Result<Verdict, Failure> {
    threshold(at_most(0.01), answer).evaluate(Ok(samples), NOW)
}

#[test]
fn value_on_the_bound_keeps_it_and_one_beyond_breaks_it() {
    let within = |min, max, value| {
        let bounds = Bounds::new(min, max).expect("sound bounds");
        let verdict = threshold(bounds, Answer::Fail).evaluate(Ok(vec![sample(value)]), NOW);
        verdict.expect("judged").outcome == Outcome::Allow
    };
    assert!(within(None, Some(1.0), 1.0));
    assert!(!within(None, Some(1.0), 1.000_1));
    assert!(within(Some(1.0), None, 1.0));
    assert!(!within(Some(1.0), None, 0.999_9));
    assert!(within(Some(1.0), Some(2.0), 1.5));
    assert!(!within(None, Some(1.0), f64::INFINITY));
    assert!(!within(Some(1.0), None, f64::NEG_INFINITY));
}

#[test]
fn every_series_must_keep_the_bounds_and_is_evidence() {
    let labelled = |pod: &str, value| Sample {
        labels: vec![("pod".into(), pod.into())],
        ..sample(value)
    };
    let verdict =
        judge(vec![labelled("a", 0.0), labelled("b", 0.5)], Answer::Fail).expect("judged");
    assert_eq!(verdict.outcome, Outcome::Deny);
    assert_eq!(verdict.findings.len(), 1);
    assert_eq!(
        verdict.findings[0].message,
        r#"error-ratio{pod="b"} is 0.5, which is above 0.01"#
    );
    let evidence: Vec<_> = verdict
        .evidence
        .iter()
        .map(|e| (&*e.name, &*e.value, e.bound.as_deref()))
        .collect();
    assert_eq!(
        evidence,
        [
            (r#"error-ratio{pod="a"}"#, "0", Some("<= 0.01")),
            (r#"error-ratio{pod="b"}"#, "0.5", Some("<= 0.01"))
        ]
    );
}

#[test]
fn author_decides_the_outcome_without_a_value() {
    let old = Sample {
        at: NOW - SignedDuration::from_mins(3),
        ..sample(0.0)
    };
    let ahead = Sample {
        at: NOW + SignedDuration::from_mins(3),
        ..sample(0.0)
    };
    let unavailable = MetricsError {
        code: MetricsErrorCode::Unavailable,
        message: "no route".to_owned(),
    };
    let cases = [
        (Ok(vec![]), "error-ratio has no data"),
        (
            Ok(vec![sample(f64::NAN)]),
            "error-ratio is not a number (NaN)",
        ),
        (
            Ok(vec![old]),
            "error-ratio is stale: its timestamp lies 3m before this review, and at most 2m is fresh",
        ),
        (
            Ok(vec![ahead]),
            "error-ratio is stale: its timestamp lies 3m after this review, and at most 2m is fresh",
        ),
        (
            Err(unavailable),
            "error-ratio could not be measured: no route",
        ),
    ];
    for (measured, message) in cases {
        let said = |answer| threshold(at_most(0.01), answer).evaluate(measured.clone(), NOW);
        assert_eq!(said(Answer::Fail).expect_err("a failure").message, message);
        for (answer, severity, outcome) in [
            (Answer::Allow, Severity::Info, Outcome::Allow),
            (Answer::Warn, Severity::Warn, Outcome::Allow),
            (Answer::Hold, Severity::Hold, Outcome::Hold(None)),
            (Answer::Deny, Severity::Deny, Outcome::Deny),
        ] {
            let verdict = said(answer).expect("a verdict");
            assert_eq!(
                (verdict.outcome, verdict.findings[0].severity),
                (outcome, severity),
                "{message}"
            );
            assert_eq!(verdict.findings[0].message, message);
        }
    }
}

#[test]
fn bounds_that_every_or_no_value_keeps_are_refused() {
    assert_eq!(Bounds::new(None, None), Err(BoundsError::Missing));
    assert_eq!(Bounds::new(Some(2.0), Some(1.0)), Err(BoundsError::Crossed));
    assert_eq!(
        Bounds::new(None, Some(f64::NAN)),
        Err(BoundsError::NotANumber)
    );
    assert!(Bounds::new(Some(1.0), Some(1.0)).is_ok());
}
