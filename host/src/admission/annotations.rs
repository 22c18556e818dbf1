//! The record of a decision, as audit annotations: the same for the same review and world.

use std::collections::HashMap;
use std::fmt::Write;

use rollgate_model::{Outcome, Undo};
use sha2::{Digest, Sha256};

use super::decision::{Answer, Decision, Judged, Unjudged};
use super::message::rule_and_place;
use super::plain::{cut, one_line};
use crate::config::PolicyName;
use crate::engine::EvaluationError;

/// Audit events are stored whole: all policies together stay well below their usual limits, each
/// has room for what matters.
const ALL_POLICIES: usize = 64 << 10;
const ONE_POLICY: usize = 4 << 10;
const ONE_NOTE: usize = 1 << 10;

/// The API server puts the webhook's name before each key.
pub(super) fn of(decision: &Decision) -> HashMap<String, String> {
    let rollout = decision.rollout();
    let mut annotations = HashMap::from([
        ("change".to_owned(), rollout.change().as_str().to_owned()),
        ("decision".to_owned(), answer(decision.answer())),
    ]);
    let note = |text: &str| cut(one_line(text), ONE_NOTE);
    if let Some(text) = rollout.change_note() {
        annotations.insert("change-note".into(), note(text));
    }
    if let Undo::Unknown { why } = rollout.undo() {
        annotations.insert("rollbacks-unknown".into(), note(why));
    }
    for refused in decision.refused_overrides() {
        annotations.insert(
            qualified(format!("override.{}", refused.name)),
            note(&format!("does not apply: {}", refused.why)),
        );
    }
    let passages = decision
        .judged()
        .iter()
        .filter_map(|judged| judged.passed_by.as_ref());
    for passage in passages {
        let kept = format!("passed until {}: {}", passage.expires, passage.reason);
        annotations.insert(qualified(format!("override.{}", passage.name)), note(&kept));
    }
    let judged = decision.judged();
    let room = ONE_POLICY.min(ALL_POLICIES / judged.len().max(1));
    let entry = |judged: &Judged| (key(&judged.policy), cut(one_line(&said(judged)), room));
    annotations.extend(judged.iter().map(entry));
    annotations
}

/// The part of a qualified name after its slash; the API server drops an annotation whose key is
/// longer (`validation.IsQualifiedName`).
const LONGEST_NAME: usize = 63;

/// The slash of a namespaced policy becomes an underscore, which no other part of a name can have.
fn key(policy: &PolicyName) -> String {
    qualified(format!("policy.{}", policy.as_str().replace('/', "_")))
}

fn qualified(key: String) -> String {
    if key.len() <= LONGEST_NAME {
        return key;
    }
    let digest = Sha256::digest(key.as_bytes());
    let tail = format!(
        "_{:02x}{:02x}{:02x}{:02x}",
        digest[0], digest[1], digest[2], digest[3]
    );
    let kept = key.floor_char_boundary(LONGEST_NAME - tail.len());
    format!("{}{tail}", &key[..kept])
}

fn said(judged: &Judged) -> String {
    match &judged.passed_by {
        Some(passage) => format!("passed by override {}; {}", passage.name, heard(judged)),
        None => heard(judged),
    }
}

fn heard(judged: &Judged) -> String {
    let verdict = match &judged.said {
        Ok(verdict) => verdict,
        Err(error) => return failure(error),
    };
    let mut text = match verdict.outcome {
        Outcome::Allow => "allow".to_owned(),
        Outcome::Hold(until) => answer(Answer::Hold(until)),
        Outcome::Deny => "deny".to_owned(),
    };
    for finding in &verdict.findings {
        write!(text, "; {}", rule_and_place(finding)).expect("writing to a String does not fail");
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

/// Of a failure, what a second call would say too: how long something took is not.
pub(super) fn failure(error: &Unjudged) -> String {
    match error {
        Unjudged::Failed(EvaluationError::Deadline { waiting_for, .. }) => match waiting_for {
            Some(call) => format!("error (deadline): no answer in time, waiting for {call}"),
            None => "error (deadline): no answer in time".into(),
        },
        error => format!("error ({}): {error}", error.kind()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_qualified_name() {
        let of = |name| key(&name);
        assert_eq!(of(PolicyName::cluster("probes")), "policy.probes");
        assert_eq!(
            of(PolicyName::namespaced("shop", "probes")),
            "policy.shop_probes"
        );
        assert_eq!(of(PolicyName::cluster("shop.probes")), "policy.shop.probes");
    }

    #[test]
    fn long_names_keep_keys_apart() {
        let long = |end| key(&PolicyName::cluster(&format!("{}{end}", "a".repeat(252))));
        assert_eq!(long("x").len(), LONGEST_NAME);
        assert_ne!(long("x"), long("y"));
    }
}
