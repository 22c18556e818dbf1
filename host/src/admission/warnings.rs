//! What the user is told although the rollout may go, or beside what stands in its way.

use rollgate_model::{Finding, Outcome, Severity, Verdict};

use super::decision::{Answer, Decision, Judged};
use super::message::least_reason;
use super::overrides::Override;
use super::plain::{cut, one_line, reword};
use crate::config::Action;
use crate::config::json_path;

/// The API server cuts a longer one, and refuses control characters (KEP-1693).
const BYTES: usize = 256;
/// The API server passes 4 KiB of them on, and drops the rest without a word.
const MOST: usize = 16;

/// One line each, in the order of the policies; a last one counts those that are left out.
pub(super) fn of(decision: &Decision) -> Vec<String> {
    let mut lines: Vec<_> = decision.judged().iter().flat_map(lines).collect();
    if lines.len() > MOST {
        let left_out = lines.split_off(MOST - 1).len();
        lines.push(format!(
            "rollgate: {left_out} more warnings; its log names their rules"
        ));
    }
    lines
}

fn lines(judged: &Judged) -> Vec<String> {
    let mut texts: Vec<_> = judged
        .passed_by
        .iter()
        .map(|passage| passed(judged, passage))
        .collect();
    texts.extend(match (&judged.said, judged.action) {
        (_, Action::Audit) => vec![],
        (Ok(verdict), _) => of_verdict(judged, verdict),
        (Err(error), _) if judged.failed_open() => {
            vec![format!("could not judge, and lets the rollout go: {error}")]
        }
        (Err(_), _) => vec![],
    });
    let line = |text| {
        cut(
            reword(&one_line(&format!("{}: {text}", judged.policy))),
            BYTES,
        )
    };
    texts.into_iter().map(line).collect()
}

/// By which override a policy is passed; the reason last, where a long one may be cut.
fn passed(judged: &Judged, passage: &Override) -> String {
    let said = match &judged.said {
        Ok(verdict) if matches!(verdict.outcome, Outcome::Hold(_)) => "held",
        Ok(_) => "denied",
        Err(_) => "could not judge",
    };
    format!(
        "{said} this; override {} lets it pass until {}: {}",
        passage.name, passage.expires, passage.reason
    )
}

fn of_verdict(judged: &Judged, verdict: &Verdict) -> Vec<String> {
    let would = match (&verdict.outcome, judged.action) {
        (Outcome::Deny, Action::Warn) => Some("would be denied"),
        (Outcome::Hold(_), Action::Warn) => Some("would be held"),
        _ => None,
    };
    let least = least_reason(verdict);
    let mut texts = Vec::new();
    for finding in &verdict.findings {
        let is_reason = least.is_some_and(|least| finding.severity >= least);
        match (is_reason, would) {
            (true, Some(would)) => texts.push(format!("{would}: {}", told(finding))),
            // A reason that counts stands in the denial.
            (true, None) if judged.counts() != Answer::Allow => {}
            _ if finding.severity == Severity::Info => {}
            _ => texts.push(told(finding)),
        }
    }
    if let (Some(would), true) = (would, verdict.findings.is_empty()) {
        texts.push(format!("{would}, and gave no reason"));
    }
    texts
}

fn told(finding: &Finding) -> String {
    match finding.path.as_str() {
        "" => finding.message.clone(),
        path => format!("{} ({})", finding.message, json_path(path)),
    }
}
