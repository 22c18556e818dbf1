//! The message of a denial or a hold: what people read in the terminal.

use jiff::{SignedDuration, Unit};
use rollgate_model::{Finding, Kind, Outcome, Severity, Undo, Verdict, Workload};

use super::text::{cut, one_line, reword, wrap};
use crate::admission::decision::{Decision, PolicyResult};
use crate::config::{Matching, NamespaceLabels, PolicyName, json_path};

/// The limit of a message in bytes; clients and log pipelines have limits above this.
const MESSAGE_BYTES: usize = 16 << 10;

/// Returns why a rollout is held or denied: the reasons of every policy that blocks it, and what to do.
pub(in super::super) fn denial(decision: &Decision) -> String {
    // It begins on a line of its own: the API server and kubectl put a long prefix before it.
    let mut text = String::new();
    line(&mut text, &headline(decision), "", "");
    if let Some(until) = held_until(decision) {
        line(&mut text, &until, "", "");
    }
    if let Some(note) = note(decision) {
        line(&mut text, &format!("({note})"), "", " ");
    }
    if let NamespaceLabels::Unknown { why } = decision.namespace_labels() {
        line(&mut text, &unknown_labels(decision, why), "", " ");
    }
    let results = decision.results().iter();
    for result in results.filter(|result| result.blocks()) {
        text.push('\n');
        match &result.verdict {
            Ok(verdict) => reasons(&mut text, result, verdict),
            Err(error) => bullet(
                &mut text,
                &format!("{}: could not be evaluated: {error}", result.policy),
            ),
        }
        if result.matching == Matching::Leaving && decision.rollout().class().is_some() {
            detail(&mut text, "evaluated as", LEAVING);
        }
    }
    overrides(&mut text, decision);
    let mut text = cut(text, MESSAGE_BYTES);
    if let Some(hint) = undo_hint(decision) {
        text.push('\n');
        line(&mut text, &hint, "", "");
    }
    text
}

const LEAVING: &str = "a roll-forward, since the change takes the workload out of the labels that the policy matches by";

fn unknown_labels(decision: &Decision, why: &str) -> String {
    let namespace = decision.rollout().subject().namespace();
    format!(
        "(rollgate could not read the labels of the namespace `{namespace}`, so each policy with a namespaceSelector counts as matching: {why})"
    )
}

/// The limit of the names of policies in the closing hint, in bytes.
const HINT_BYTES: usize = 1 << 10;

/// Returns the least severity of a finding that is a reason for the outcome: `hold`, or any severity if
/// the policy has no finding that severe. `None` if the outcome is to allow.
pub(super) fn least_reason(verdict: &Verdict) -> Option<Severity> {
    let severe = |finding: &Finding| finding.severity >= Severity::Hold;
    match verdict.outcome {
        Outcome::Allow => None,
        _ if verdict.findings.iter().any(severe) => Some(Severity::Hold),
        _ => Some(Severity::Info),
    }
}

/// Returns the findings that are reasons for the outcome.
pub(in super::super) fn reasons_of(verdict: &Verdict) -> impl Iterator<Item = &Finding> {
    let least = least_reason(verdict);
    let is_reason = move |finding: &&Finding| least.is_some_and(|least| finding.severity >= least);
    verdict.findings.iter().filter(is_reason)
}

fn headline(decision: &Decision) -> String {
    let rollout = decision.rollout();
    let outcome = match decision.outcome() {
        Outcome::Hold(_) => "held",
        Outcome::Deny | Outcome::Allow => "denied",
    };
    format!(
        "{} of {} is {outcome}",
        rollout.change().as_str(),
        title(rollout.subject())
    )
}

fn held_until(decision: &Decision) -> Option<String> {
    match decision.outcome() {
        Outcome::Hold(Some(until)) if until <= decision.now() => {
            Some(format!("until {until}, which has passed: try again"))
        }
        Outcome::Hold(Some(until)) => {
            let wait = until.duration_since(decision.now());
            Some(format!("until {until}, in {}", rough(wait)))
        }
        Outcome::Hold(None) => Some("no end is known".to_owned()),
        Outcome::Deny | Outcome::Allow => None,
    }
}

fn title(subject: &Workload) -> String {
    let kind = subject.kind().as_str();
    match (subject.namespace(), subject.name()) {
        (_, "") => format!("{kind} without a name"),
        ("", name) => format!("{kind} {name}"),
        (namespace, name) => format!("{kind} {namespace}/{name}"),
    }
}

/// Returns how the change was classified, unless the closing hint says so.
fn note(decision: &Decision) -> Option<&str> {
    let rollout = decision.rollout();
    match rollout.undo() {
        Undo::Unknown { .. } => None,
        Undo::Rollback | Undo::NotPossible => rollout.change_note(),
    }
}

fn reasons(text: &mut String, result: &PolicyResult, verdict: &Verdict) {
    if verdict.findings.is_empty() {
        bullet(text, &format!("{}: gave no reason", result.policy));
    }
    for finding in reasons_of(verdict) {
        bullet(text, &format!("{}: {}", result.policy, finding.message));
        details(text, finding);
    }
}

fn details(text: &mut String, finding: &Finding) {
    if !finding.path.is_empty() {
        detail(text, "at", &json_path(&finding.path));
    }
    for (label, value) in [
        ("found", &finding.found),
        ("expected", &finding.expected),
        ("hint", &finding.hint),
    ] {
        if let Some(value) = value {
            detail(text, label, value);
        }
    }
}

/// Says why the overrides for this workload do not apply.
fn overrides(text: &mut String, decision: &Decision) {
    for (index, rejected) in decision.rejected_overrides().iter().enumerate() {
        if index == 0 {
            text.push('\n');
        }
        let line = format!(
            "override {} does not apply: {}",
            rejected.name, rejected.reason
        );
        bullet(text, &line);
    }
}

fn bullet(text: &mut String, content: &str) {
    line(text, content, "- ", "  ");
}

fn detail(text: &mut String, label: &str, value: &str) {
    line(text, &format!("{label}: {value}"), "    ", "      ");
}

fn line(text: &mut String, content: &str, first: &str, hang: &str) {
    text.push('\n');
    text.push_str(&wrap(&reword(&one_line(content)), first, hang));
}

/// Returns whether an undo would pass, or that this is not known.
fn undo_hint(decision: &Decision) -> Option<String> {
    match decision.rollout().undo() {
        Undo::Rollback => Some(undo_passes(decision)),
        Undo::NotPossible => None,
        Undo::Unknown { why } => Some(format!(
            "rollgate could not check whether this is a rollback: {why}."
        )),
    }
}

fn undo_passes(decision: &Decision) -> String {
    let command = match decision.rollout().subject().kind() {
        Kind::Rollout => "kubectl argo rollouts undo",
        _ => "kubectl rollout undo",
    };
    let policies = decision.rollback_policies();
    if policies.is_empty() {
        return format!("A rollback is not affected: `{command}` is allowed.");
    }
    let names: Vec<_> = policies.iter().map(PolicyName::as_str).collect();
    let names = cut(names.join(", "), HINT_BYTES);
    format!("A rollback by `{command}` is evaluated too, by {names}.")
}

/// Formats a waiting time with its two largest units.
fn rough(wait: SignedDuration) -> String {
    let minutes = wait.round(Unit::Minute).unwrap_or(wait).as_mins();
    match (minutes / 1_440, minutes / 60 % 24, minutes % 60) {
        (0, 0, minutes) if minutes < 1 => "less than a minute".into(),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, 0) => format!("{hours} h"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, 0, _) => format!("{days} d"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_time_has_two_units_at_most() {
        let wait = |minutes| rough(SignedDuration::from_mins(minutes));
        assert_eq!(rough(SignedDuration::from_secs(20)), "less than a minute");
        assert_eq!(wait(59), "59 min");
        assert_eq!(wait(90), "1 h 30 min");
        assert_eq!(wait(120), "2 h");
        assert_eq!(wait(1_440 * 3 + 61), "3 d 1 h");
    }
}
