//! The answer in words: what a tired person reads in the terminal at 3 a.m.

mod record;

use jiff::{SignedDuration, Unit};
use rollgate_model::{Finding, Kind, Outcome, Severity, Undo, Verdict, Workload};

use super::decision::{Answer, Decision, Judged};
use super::plain::{cut, one_line, reword, wrap};
use crate::config::{Matching, NamespaceLabels, PolicyName, json_path};
pub(super) use record::{log_overrides, log_reason, note_of, rule_and_place};

/// Enough for every reason of a bad day; clients and log pipelines bound it somewhere above.
const MESSAGE_BYTES: usize = 16 << 10;

/// Why a rollout does not go: every reason of every policy that stands in its way, and the way out.
pub(super) fn denial(decision: &Decision) -> String {
    // The API server writes a long line before it, which kubectl prefixes with another.
    let mut text = String::new();
    line(&mut text, &headline(decision), "", "");
    if let Some(opening) = opening(decision) {
        line(&mut text, &opening, "", "");
    }
    if let Some(note) = note(decision) {
        line(&mut text, &format!("({note})"), "", " ");
    }
    if let NamespaceLabels::Unknown { why } = decision.namespace_labels() {
        line(&mut text, &unknown_labels(decision, why), "", " ");
    }
    for judged in decision
        .judged()
        .iter()
        .filter(|judged| judged.counts() != Answer::Allow)
    {
        text.push('\n');
        match &judged.said {
            Ok(verdict) => reasons(&mut text, judged, verdict),
            Err(error) => bullet(
                &mut text,
                &format!("{}: could not judge: {error}", judged.policy),
            ),
        }
        if judged.matching == Matching::Leaving && decision.rollout().class().is_some() {
            detail(&mut text, "judged as", LEAVING);
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

/// What the names of policies may fill of the closing hint.
const HINT_BYTES: usize = 1 << 10;

/// How severe a finding is at least that the outcome rests on: one that asks for it, or, where a
/// policy calls none of its findings so heavy, any. `None` where the outcome is to allow.
pub(super) fn least_reason(verdict: &Verdict) -> Option<Severity> {
    let heavy = |finding: &Finding| finding.severity >= Severity::Hold;
    match verdict.outcome {
        Outcome::Allow => None,
        _ if verdict.findings.iter().any(heavy) => Some(Severity::Hold),
        _ => Some(Severity::Info),
    }
}

/// The findings that the outcome rests on.
pub(super) fn reasons_of(verdict: &Verdict) -> impl Iterator<Item = &Finding> {
    let least = least_reason(verdict);
    let is_reason = move |finding: &&Finding| least.is_some_and(|least| finding.severity >= least);
    verdict.findings.iter().filter(is_reason)
}

fn headline(decision: &Decision) -> String {
    let rollout = decision.rollout();
    let what_came = match decision.answer() {
        Answer::Hold(_) => "held",
        Answer::Deny | Answer::Allow => "denied",
    };
    format!(
        "{} of {} is {what_came}",
        rollout.change().as_str(),
        title(rollout.subject())
    )
}

/// Until when it is held.
fn opening(decision: &Decision) -> Option<String> {
    match decision.answer() {
        Answer::Hold(Some(until)) if until <= decision.now() => {
            Some(format!("until {until}, which has passed: try again"))
        }
        Answer::Hold(Some(until)) => {
            let wait = until.duration_since(decision.now());
            Some(format!("until {until}, in {}", rough(wait)))
        }
        Answer::Hold(None) => Some("no end is known".to_owned()),
        Answer::Deny | Answer::Allow => None,
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

/// How the class of the change was told, unless the closing hint says so already.
fn note(decision: &Decision) -> Option<&str> {
    let rollout = decision.rollout();
    match rollout.undo() {
        Undo::Unknown { .. } => None,
        Undo::Passes | Undo::NotPossible => rollout.change_note(),
    }
}

fn reasons(text: &mut String, judged: &Judged, verdict: &Verdict) {
    if verdict.findings.is_empty() {
        bullet(text, &format!("{}: gave no reason", judged.policy));
    }
    for finding in reasons_of(verdict) {
        bullet(text, &format!("{}: {}", judged.policy, finding.message));
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

/// Whoever wrote an override and still reads this wants to know what is wrong with it.
fn overrides(text: &mut String, decision: &Decision) {
    for (index, refused) in decision.refused_overrides().iter().enumerate() {
        if index == 0 {
            text.push('\n');
        }
        let line = format!("override {} does not apply: {}", refused.name, refused.why);
        bullet(text, &line);
    }
}

fn bullet(text: &mut String, told: &str) {
    line(text, told, "- ", "  ");
}

fn detail(text: &mut String, label: &str, value: &str) {
    line(text, &format!("{label}: {value}"), "    ", "      ");
}

fn line(text: &mut String, told: &str, first: &str, hang: &str) {
    text.push('\n');
    text.push_str(&wrap(&reword(&one_line(told)), first, hang));
}

/// True only where an undo would pass; where that cannot be known, it says so.
fn undo_hint(decision: &Decision) -> Option<String> {
    match decision.rollout().undo() {
        Undo::Passes => Some(undo_passes(decision)),
        Undo::NotPossible => None,
        Undo::Unknown { why } => Some(format!("Rollbacks could not be told apart, because {why}.")),
    }
}

fn undo_passes(decision: &Decision) -> String {
    let command = match decision.rollout().subject().kind() {
        Kind::Rollout => "kubectl argo rollouts undo",
        _ => "kubectl rollout undo",
    };
    let judging = decision.judging_rollbacks();
    if judging.is_empty() {
        return format!("Going back is not affected: `{command}` passes.");
    }
    let names: Vec<_> = judging.iter().map(PolicyName::as_str).collect();
    let names = cut(names.join(", "), HINT_BYTES);
    format!("Going back by `{command}` is judged too, by {names}.")
}

/// A waiting time for people: the two largest units.
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
    fn a_wait_is_told_roughly() {
        let wait = |minutes| rough(SignedDuration::from_mins(minutes));
        assert_eq!(rough(SignedDuration::from_secs(20)), "less than a minute");
        assert_eq!(wait(59), "59 min");
        assert_eq!(wait(90), "1 h 30 min");
        assert_eq!(wait(120), "2 h");
        assert_eq!(wait(1_440 * 3 + 61), "3 d 1 h");
    }
}
