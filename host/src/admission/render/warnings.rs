//! The warnings of a response: shown whether the rollout is allowed or not.

use rollgate_model::{Finding, Outcome, Severity, Verdict};

use super::message::least_reason;
use super::text::{cut, one_line, reword};
use crate::admission::decision::{Decision, PolicyResult};
use crate::admission::overrides::Override;
use crate::config::{Action, json_path};

/// The API server cuts a longer one, and refuses control characters (KEP-1693).
const BYTES: usize = 256;
/// The API server forwards 4 KiB of warnings and drops the rest silently.
const MOST: usize = 16;

/// Returns one line per warning, in the order of the policies. The last line counts those that are
/// left out.
pub(in super::super) fn warnings(decision: &Decision) -> Vec<String> {
    let mut lines: Vec<_> = decision.results().iter().flat_map(lines).collect();
    if lines.len() > MOST {
        let left_out = lines.split_off(MOST - 1).len();
        lines.push(format!(
            "rollgate: {left_out} more warnings; their rules are in its log"
        ));
    }
    lines
}

fn lines(result: &PolicyResult) -> Vec<String> {
    let mut texts: Vec<_> = result
        .passed_by
        .iter()
        .map(|passed_by| passed(result, passed_by))
        .collect();
    texts.extend(match (&result.verdict, result.action) {
        (_, Action::Audit) => vec![],
        (Ok(verdict), _) => of_verdict(result, verdict),
        (Err(error), _) if result.failed_open() => {
            vec![format!("failed, and does not block: {error}")]
        }
        (Err(_), _) => vec![],
    });
    let line = |text| {
        cut(
            reword(&one_line(&format!("{}: {text}", result.policy))),
            BYTES,
        )
    };
    texts.into_iter().map(line).collect()
}

/// Names the override that lets the rollout pass a policy. The reason is last, since a long one is
/// cut.
fn passed(result: &PolicyResult, passed_by: &Override) -> String {
    let verdict = match &result.verdict {
        Ok(verdict) if matches!(verdict.outcome, Outcome::Hold(_)) => "held",
        Ok(_) => "denied",
        Err(_) => "failed to evaluate",
    };
    format!(
        "{verdict} this; override {} lets it pass until {}: {}",
        passed_by.name, passed_by.expires, passed_by.reason
    )
}

fn of_verdict(result: &PolicyResult, verdict: &Verdict) -> Vec<String> {
    let would = match (&verdict.outcome, result.action) {
        (Outcome::Deny, Action::Warn) => Some("would be denied"),
        (Outcome::Hold(_), Action::Warn) => Some("would be held"),
        _ => None,
    };
    let least = least_reason(verdict);
    let mut texts = Vec::new();
    for finding in &verdict.findings {
        let is_reason = least.is_some_and(|least| finding.severity >= least);
        match (is_reason, would) {
            (true, Some(would)) => texts.push(format!("{would}: {}", text_of(finding))),
            // The message of the denial has it.
            (true, None) if result.blocks() => {}
            _ if finding.severity == Severity::Info => {}
            _ => texts.push(text_of(finding)),
        }
    }
    if let (Some(would), true) = (would, verdict.findings.is_empty()) {
        texts.push(format!("{would}, and gave no reason"));
    }
    texts
}

fn text_of(finding: &Finding) -> String {
    match finding.path.as_str() {
        "" => finding.message.clone(),
        path => format!("{} ({})", finding.message, json_path(path)),
    }
}
