//! The answer in words: what a tired person reads in the terminal at 3 a.m.

use std::fmt::Write;

use jiff::{SignedDuration, Unit};
use rollgate_model::{Finding, Outcome, Severity, Undo, Verdict};

use super::decision::{Answer, Decision, Judged};
use super::path::json_path;
use crate::config::{Action, OnError};

/// The API server cuts longer ones, and refuses control characters (KEP-1693).
const WARNING_BYTES: usize = 256;
const WARNINGS: usize = 24;
/// Enough for every reason of a bad day; etcd and clients bound it somewhere above.
const MESSAGE_BYTES: usize = 16 << 10;

/// Why a rollout does not go: every reason of every policy that stands in its way, and the way out.
#[must_use]
pub fn denial(decision: &Decision) -> String {
    let mut text = headline(decision);
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
    }
    if let Some(hint) = undo_hint(decision) {
        text.push_str("\n\n");
        text.push_str(&hint);
    }
    cut(reword(&text), MESSAGE_BYTES)
}

/// What should be mended although the rollout may go, one line each.
pub(super) fn warnings(decision: &Decision) -> Vec<String> {
    let lines = decision
        .judged()
        .iter()
        .flat_map(|judged| match (&judged.said, judged.action) {
            (_, Action::Audit) => vec![],
            (Ok(verdict), _) => verdict_warnings(judged, verdict),
            (Err(error), _) if judged.counts() == Answer::Allow => {
                vec![format!(
                    "{}: could not judge, and lets the rollout go: {error}",
                    judged.policy
                )]
            }
            (Err(_), _) => vec![],
        });
    lines
        .take(WARNINGS)
        .map(|line| cut(one_line(&reword(&line)), WARNING_BYTES))
        .collect()
}

/// One policy's reason in a few words, for the log; `None` where it is content.
pub(super) fn log_reason(judged: &Judged) -> Option<String> {
    let verdict = match &judged.said {
        Ok(verdict) if verdict.outcome == Outcome::Allow && verdict.findings.is_empty() => {
            return None;
        }
        Ok(verdict) => verdict,
        Err(error) => {
            return Some(one_line(&format!(
                "{}: {}: {error}",
                judged.policy,
                error.kind()
            )));
        }
    };
    let findings: Vec<_> = verdict
        .findings
        .iter()
        .map(|found| format!("{} {}", found.rule, found.path))
        .collect();
    let said = match verdict.outcome {
        Outcome::Allow => "allow",
        Outcome::Hold(_) => "hold",
        Outcome::Deny => "deny",
    };
    Some(one_line(&format!(
        "{}: {said} ({})",
        judged.policy,
        findings.join(", ")
    )))
}

fn headline(decision: &Decision) -> String {
    let rollout = decision.rollout();
    let subject = rollout.subject();
    let place = match subject.namespace() {
        "" => subject.name().to_owned(),
        namespace => format!("{namespace}/{}", subject.name()),
    };
    let what = format!(
        "{} of {} {place}",
        rollout.change().as_str(),
        subject.kind().as_str()
    );
    match decision.answer() {
        Answer::Hold(Some(until)) => {
            let wait = until.duration_since(decision.now());
            format!("{what} is held until {until} (in {})", rough(wait))
        }
        Answer::Hold(None) => format!("{what} is held; no end is known"),
        Answer::Deny | Answer::Allow => format!("{what} is denied"),
    }
}

fn reasons(text: &mut String, judged: &Judged, verdict: &Verdict) {
    if verdict.findings.is_empty() {
        bullet(text, &format!("{}: gave no reason", judged.policy));
    }
    let (heavy, light): (Vec<_>, Vec<_>) = verdict
        .findings
        .iter()
        .partition(|finding| finding.severity >= Severity::Hold);
    // A verdict whose findings all ask for less still rests on them.
    for finding in if heavy.is_empty() { light } else { heavy } {
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

fn bullet(text: &mut String, line: &str) {
    write!(text, "\n- {}", one_line(line)).expect("writing to a String does not fail");
}

fn detail(text: &mut String, label: &str, value: &str) {
    write!(text, "\n    {label}: {}", one_line(value)).expect("writing to a String does not fail");
}

/// True only where an undo would pass; where that cannot be known, it says so.
fn undo_hint(decision: &Decision) -> Option<String> {
    match decision.rollout().undo() {
        Undo::Passes => Some("Going back is not affected: `kubectl rollout undo` passes.".into()),
        Undo::NotPossible => None,
        Undo::Unknown { why } => Some(format!("Rollbacks could not be told apart, because {why}.")),
    }
}

fn verdict_warnings(judged: &Judged, verdict: &Verdict) -> Vec<String> {
    let stopped = judged.counts() != Answer::Allow;
    let would = match (&verdict.outcome, judged.action) {
        (Outcome::Deny, Action::Warn) => "would be denied: ",
        (Outcome::Hold(_), Action::Warn) => "would be held: ",
        _ => "",
    };
    verdict
        .findings
        .iter()
        .filter(|finding| finding.severity != Severity::Info)
        .filter(|finding| !(stopped && finding.severity >= Severity::Hold))
        .map(|finding| match finding.path.as_str() {
            "" => format!("{}: {would}{}", judged.policy, finding.message),
            path => format!(
                "{}: {would}{} ({})",
                judged.policy,
                finding.message,
                json_path(path)
            ),
        })
        .collect()
}

/// Flux deletes and recreates an object whose denial carries one of these two texts, whoever wrote
/// them (kustomize-controller and helm-controller look for them in any error).
fn reword(text: &str) -> String {
    const WORDS: [(&str, &str); 2] = [
        ("is immutable", "cannot be changed"),
        ("immutable field", "unchangeable field"),
    ];
    WORDS.iter().fold(text.to_owned(), |text, (bad, good)| {
        replace_ignoring_case(&text, bad, good)
    })
}

fn replace_ignoring_case(text: &str, bad: &str, good: &str) -> String {
    let lower = text.to_ascii_lowercase();
    if !lower.contains(bad) {
        return text.to_owned();
    }
    let mut result = String::with_capacity(text.len());
    let mut from = 0;
    for (at, found) in lower.match_indices(bad) {
        result.push_str(&text[from..at]);
        result.push_str(good);
        from = at + found.len();
    }
    result.push_str(&text[from..]);
    result
}

fn one_line(text: &str) -> String {
    let words = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

fn cut(mut text: String, bytes: usize) -> String {
    const MORE: &str = " …";
    if text.len() > bytes {
        text.truncate(text.floor_char_boundary(bytes - MORE.len()));
        text.push_str(MORE);
    }
    text
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

impl Judged {
    /// Whether this policy failed and the rollout may go all the same.
    #[must_use]
    pub fn failed_open(&self) -> bool {
        self.said.is_err() && self.on_error == OnError::Allow
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_make_flux_recreate_an_object_are_replaced() {
        assert_eq!(
            reword("the field Is Immutable now"),
            "the field cannot be changed now"
        );
        assert_eq!(reword("an immutable field"), "an unchangeable field");
        assert_eq!(reword("nothing of it: größe"), "nothing of it: größe");
    }

    #[test]
    fn a_warning_is_one_line_of_bounded_bytes() {
        let line = cut(
            one_line(&format!("a\r\n\u{1b}[31mb {}", "ü".repeat(300))),
            WARNING_BYTES,
        );
        assert!(
            line.starts_with("a [31mb ü") && line.ends_with(" …"),
            "{line}"
        );
        assert!(line.len() <= WARNING_BYTES && !line.contains(char::is_control));
    }

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
