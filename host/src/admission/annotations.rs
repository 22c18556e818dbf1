//! The record of a decision, as audit annotations: the same for the same review and world.

use std::collections::HashMap;
use std::fmt::Write;

use rollgate_model::{Outcome, Undo};

use super::decision::{Answer, Decision, Judged};

/// Audit events are stored whole; one annotation stays well below their usual limits.
const BYTES: usize = 4 << 10;

/// The API server puts the webhook's name before each key.
pub(super) fn of(decision: &Decision) -> HashMap<String, String> {
    let rollout = decision.rollout();
    let mut annotations = HashMap::from([
        ("change".to_owned(), rollout.change().as_str().to_owned()),
        ("decision".to_owned(), answer(decision.answer())),
    ]);
    if let Some(note) = rollout.change_note() {
        annotations.insert("change-note".into(), bounded(note.to_owned()));
    }
    if let Undo::Unknown { why } = rollout.undo() {
        annotations.insert("rollbacks-unknown".into(), bounded(why.clone()));
    }
    for judged in decision.judged() {
        annotations.insert(key(judged), bounded(said(judged)));
    }
    annotations
}

/// Keys are qualified names, so a namespaced policy's slash becomes a dot.
fn key(judged: &Judged) -> String {
    format!("policy.{}", judged.policy.as_str().replace('/', "."))
}

fn said(judged: &Judged) -> String {
    let verdict = match &judged.said {
        Ok(verdict) => verdict,
        Err(error) => return format!("error ({}): {error}", error.kind()),
    };
    let mut text = match verdict.outcome {
        Outcome::Allow => "allow".to_owned(),
        Outcome::Hold(until) => answer(Answer::Hold(until)),
        Outcome::Deny => "deny".to_owned(),
    };
    for finding in &verdict.findings {
        write!(text, "; {} {}", finding.rule, finding.path)
            .expect("writing to a String does not fail");
    }
    for evidence in &verdict.evidence {
        write!(text, "; {}={}", evidence.name, evidence.value)
            .expect("writing to a String does not fail");
    }
    text
}

fn answer(answer: Answer) -> String {
    match answer {
        Answer::Hold(Some(until)) => format!("hold until {until}"),
        other => other.as_str().to_owned(),
    }
}

fn bounded(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(BYTES));
    text
}
