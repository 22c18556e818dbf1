//! Validates what the types of a scenario cannot express.

use serde_json::Value;

use super::{Expectation, ExpectedOutcome, MetricAnswer, MetricEntry, NO_BASELINE, Scenario};
use crate::fields::{self, Misspelled};
use rollgate_yaml::{FieldProblem, ReadError, Spans};

/// An error and the pointer to it.
pub(super) struct Wrong {
    pointer: String,
    message: String,
}

impl Wrong {
    fn new(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            message: message.into(),
        }
    }

    pub(super) fn located(self, spans: &Spans) -> ReadError {
        let location = spans.locate(&self.pointer).focus;
        ReadError {
            problem: FieldProblem::Other(self.message),
            pointer: self.pointer,
            location,
        }
    }
}

/// Lists that mean something else when they are empty than when they are absent.
const TELLING_LISTS: [&str; 5] = [
    "/settings",
    "/objects",
    "/revisions",
    "/expect/findings",
    "/expect/evidence",
];

/// Checks that each of these lists is one: `findings:` without a value would compare nothing.
pub(super) fn lists(tree: &Value) -> Result<(), Wrong> {
    let empty = |pointer: &&str| tree.pointer(pointer).is_some_and(Value::is_null);
    TELLING_LISTS
        .into_iter()
        .find(empty)
        .map_or(Ok(()), |pointer| {
            Err(Wrong::new(
                pointer,
                if pointer == "/settings" {
                    "write `{}` for no settings, or leave the field out"
                } else {
                    "write `[]` for an empty list, or leave the field out"
                },
            ))
        })
}

/// Checks that the fields of a scenario fit together.
pub(super) fn scenario(scenario: &Scenario) -> Result<(), Wrong> {
    if scenario.metadata.name.trim().is_empty() {
        return Err(Wrong::new("/metadata/name", "give the scenario a name"));
    }
    if scenario
        .settings
        .as_ref()
        .is_some_and(|settings| !settings.is_object())
    {
        return Err(Wrong::new(
            "/settings",
            "settings are a mapping of names to values",
        ));
    }
    for (pointer, object) in [("/old", &scenario.old), ("/new", &scenario.new)] {
        if let Some(object) = object {
            is_object(pointer, object)?;
            spelt(pointer, fields::misspelled(object))?;
        }
    }
    baseline(scenario)?;
    for (index, object) in scenario.objects.iter().flatten().enumerate() {
        is_object(&format!("/objects/{index}"), object)?;
    }
    for (index, revision) in scenario.revisions.iter().flatten().enumerate() {
        if !revision.template.is_object() {
            let pointer = format!("/revisions/{index}/template");
            return Err(Wrong::new(
                pointer,
                "a template is a mapping, as under `spec.template`",
            ));
        }
        let misspelled = fields::misspelled_in("PodTemplateSpec", &revision.template);
        spelt(&format!("/revisions/{index}/template"), misspelled)?;
    }
    metrics(&scenario.metrics)?;
    scenario.expect.as_ref().map_or(Ok(()), expectation)
}

/// Checks the baseline: one that is never used would test nothing.
fn baseline(scenario: &Scenario) -> Result<(), Wrong> {
    let pointer = "/baseline";
    let Some(baseline) = &scenario.baseline else {
        return Ok(());
    };
    let Some(old) = &scenario.old else {
        let message = "a created object has no baseline: remove `baseline`, or add `old`";
        return Err(Wrong::new(pointer, message));
    };
    if baseline == NO_BASELINE {
        return Ok(());
    }
    is_object(pointer, baseline)?;
    spelt(pointer, fields::misspelled(baseline))?;
    if baseline["kind"] != old["kind"] {
        let message = "the baseline is an earlier state of `old`, so it has the same kind";
        return Err(Wrong::new(format!("{pointer}/kind"), message));
    }
    Ok(())
}

fn is_object(pointer: &str, object: &Value) -> Result<(), Wrong> {
    if !object.is_object() {
        return Err(Wrong::new(pointer, "this must be a Kubernetes object"));
    }
    let name = ["/metadata/name", "/metadata/generateName"];
    let has = |field: &str| object.pointer(field).is_some_and(Value::is_string);
    for field in ["/apiVersion", "/kind"] {
        if !has(field) {
            let message = format!("a Kubernetes object needs `{}`", &field[1..]);
            return Err(Wrong::new(format!("{pointer}{field}"), message));
        }
    }
    if !name.into_iter().any(has) {
        return Err(Wrong::new(
            format!("{pointer}{}", name[0]),
            "this object needs a `metadata.name`",
        ));
    }
    Ok(())
}

/// Refuses a misspelled field, which would count as absent.
fn spelt(pointer: &str, misspelled: Option<Misspelled>) -> Result<(), Wrong> {
    misspelled.map_or(Ok(()), |wrong| {
        let Misspelled {
            pointer: at,
            field,
            of,
            meant,
        } = wrong;
        let message = format!("there is no field `{field}` in a {of}; did you mean `{meant}`?");
        Err(Wrong::new(format!("{pointer}{at}"), message))
    })
}

fn metrics(entries: &[MetricEntry]) -> Result<(), Wrong> {
    for (index, entry) in entries.iter().enumerate() {
        if let Some(first) = entries[..index]
            .iter()
            .position(|earlier| asks_same(earlier, entry))
        {
            let message = format!("this query is answered already by entry {}", first + 1);
            return Err(Wrong::new(format!("/metrics/{index}"), message));
        }
    }
    Ok(())
}

fn asks_same(one: &MetricEntry, other: &MetricEntry) -> bool {
    let same_time = match (&one.answer, &other.answer) {
        (MetricAnswer::Instant { at, .. }, MetricAnswer::Instant { at: other, .. }) => at == other,
        (MetricAnswer::Range { range, .. }, MetricAnswer::Range { range: other, .. }) => {
            range == other
        }
        _ => false,
    };
    same_time && one.source == other.source && one.query == other.query
}

/// Refuses fields that the expected outcome cannot have, since they would never be compared.
fn expectation(expected: &Expectation) -> Result<(), Wrong> {
    let outcome = expected.outcome;
    let failed = outcome == ExpectedOutcome::Failure;
    let is_hold = outcome == ExpectedOutcome::Hold;
    for (field, given, fits) in [
        ("until", expected.until.is_some(), is_hold),
        ("code", expected.code.is_some(), failed),
        ("message", expected.message.is_some(), failed),
        ("findings", expected.findings.is_some(), !failed),
        ("evidence", expected.evidence.is_some(), !failed),
    ] {
        if given && !fits {
            let message = format!("the outcome {outcome} has no `{field}`");
            return Err(Wrong::new(format!("/expect/{field}"), message));
        }
    }
    Ok(())
}
