//! The audit annotations of a decision. They are the same for the same review and the same facts.

use std::collections::HashMap;
use std::fmt::Write;

use rollgate_model::{Outcome, Undo};
use sha2::{Digest, Sha256};

use super::record::rule_and_path;
use super::text::{cut, one_line};
use crate::admission::decision::{Decision, NoVerdict, PolicyResult};
use crate::config::PolicyName;
use crate::engine::EvaluationError;

/// Limits in bytes: the annotations of all policies together stay well below the usual limits of audit
/// events.
const ALL_POLICIES: usize = 64 << 10;
const ONE_POLICY: usize = 4 << 10;
const ONE_NOTE: usize = 1 << 10;

/// Returns the annotations. The API server puts the webhook's name before each key.
pub(in super::super) fn annotations(decision: &Decision) -> HashMap<String, String> {
    let rollout = decision.rollout();
    let mut annotations = HashMap::from([
        ("change".to_owned(), rollout.change().as_str().to_owned()),
        ("decision".to_owned(), outcome(decision.outcome())),
    ]);
    let note = |text: &str| cut(one_line(text), ONE_NOTE);
    if let Some(text) = rollout.change_note() {
        annotations.insert("change-note".into(), note(text));
    }
    if let Undo::Unknown { why } = rollout.undo() {
        annotations.insert("rollbacks-unknown".into(), note(why));
    }
    for rejected in decision.rejected_overrides() {
        annotations.insert(
            qualified(format!("override.{}", rejected.name)),
            note(&format!("does not apply: {}", rejected.reason)),
        );
    }
    let results = decision.results();
    for passed_by in results
        .iter()
        .filter_map(|result| result.passed_by.as_ref())
    {
        let text = format!("passed until {}: {}", passed_by.expires, passed_by.reason);
        annotations.insert(
            qualified(format!("override.{}", passed_by.name)),
            note(&text),
        );
    }
    let limit = ONE_POLICY.min(ALL_POLICIES / results.len().max(1));
    let entry = |result: &PolicyResult| {
        let text = cut(one_line(&policy_result(result)), limit);
        (policy_key(&result.policy), text)
    };
    annotations.extend(results.iter().map(entry));
    annotations
}

/// The longest part of a qualified name after the slash. The API server drops an annotation with a
/// longer one (`validation.IsQualifiedName`).
const LONGEST_NAME: usize = 63;

/// Replaces the slash of a namespaced policy by an underscore, which no other part of a name has.
fn policy_key(policy: &PolicyName) -> String {
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
    let cut = key.floor_char_boundary(LONGEST_NAME - tail.len());
    format!("{}{tail}", &key[..cut])
}

fn policy_result(result: &PolicyResult) -> String {
    match &result.passed_by {
        Some(passed_by) => format!(
            "passed by override {}; {}",
            passed_by.name,
            verdict_or_failure(result)
        ),
        None => verdict_or_failure(result),
    }
}

fn verdict_or_failure(result: &PolicyResult) -> String {
    let verdict = match &result.verdict {
        Ok(verdict) => verdict,
        Err(error) => return failure(error),
    };
    let mut text = outcome(verdict.outcome);
    for finding in &verdict.findings {
        write!(text, "; {}", rule_and_path(finding)).expect("writing to a String does not fail");
    }
    for evidence in &verdict.evidence {
        write!(text, "; {}={}", evidence.name, evidence.value)
            .expect("writing to a String does not fail");
    }
    text
}

fn outcome(outcome: Outcome) -> String {
    match outcome {
        Outcome::Hold(Some(until)) => format!("hold until {until}"),
        other => other.as_str().to_owned(),
    }
}

/// Describes a failure without durations, so that a retry gives the same text.
pub(super) fn failure(error: &NoVerdict) -> String {
    match error {
        NoVerdict::Failed(EvaluationError::Deadline { waiting_for, .. }) => match waiting_for {
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
    fn key_is_a_qualified_name() {
        let of = |name| policy_key(&name);
        assert_eq!(of(PolicyName::cluster("probes")), "policy.probes");
        assert_eq!(
            of(PolicyName::namespaced("shop", "probes")),
            "policy.shop_probes"
        );
        assert_eq!(of(PolicyName::cluster("shop.probes")), "policy.shop.probes");
    }

    #[test]
    fn keys_of_long_names_differ() {
        let long = |end| policy_key(&PolicyName::cluster(&format!("{}{end}", "a".repeat(252))));
        assert_eq!(long("x").len(), LONGEST_NAME);
        assert_ne!(long("x"), long("y"));
    }
}
