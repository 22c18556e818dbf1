//! What operators are told of a decision: the metrics, and a line of the log.

use std::collections::BTreeSet;

use rollgate_model::{Outcome, Rollout};

use super::caller::Caller;
use super::decision::{Answer, Decision, Judged};
use super::message;
use crate::telemetry::{Decided, ReviewOutcome, Said, Telemetry};

/// Counts a decision, and logs it in one line with the reasons.
pub(super) fn tell(decision: &Decision, caller: Caller, telemetry: &Telemetry) {
    for judged in decision.judged() {
        count(judged, decision.rollout(), telemetry);
    }
    count_overrides(decision, telemetry);
    telemetry.review(match decision.answer() {
        _ if decision.judged().is_empty() => ReviewOutcome::Unmatched,
        Answer::Allow => ReviewOutcome::Allowed,
        Answer::Hold(_) => ReviewOutcome::Held,
        Answer::Deny => ReviewOutcome::Denied,
    });
    log(decision, caller);
}

fn count(judged: &Judged, rollout: &Rollout, telemetry: &Telemetry) {
    let policy = judged.policy.shared();
    let said = match &judged.said {
        Ok(verdict) => (&verdict.outcome).into(),
        Err(error) => {
            telemetry.error(policy, error.kind());
            Said::Error
        }
    };
    telemetry.evaluation(policy, judged.took);
    telemetry.decision(&Decided {
        policy,
        said,
        change: rollout.change().as_str(),
        kind: rollout.subject().kind().as_str(),
    });
}

fn count_overrides(decision: &Decision, telemetry: &Telemetry) {
    // One override may let several policies pass.
    let passing: BTreeSet<_> = decision
        .judged()
        .iter()
        .filter_map(|judged| Some(judged.passed_by.as_ref()?.name.as_str()))
        .collect();
    let outcome = if decision.rollout().dry_run() {
        "would-pass"
    } else {
        "passed"
    };
    for _ in passing {
        telemetry.override_asked(outcome);
    }
    for refused in decision.refused_overrides() {
        telemetry.override_asked(refused.why.kind());
    }
}

fn log(decision: &Decision, caller: Caller) {
    let (rollout, judged) = (decision.rollout(), decision.judged());
    let subject = rollout.subject();
    let reasons: Vec<_> = judged.iter().filter_map(message::log_reason).collect();
    tracing::info!(
        uid = decision.id(),
        decision = decision.answer().as_str(),
        change = rollout.change().as_str(),
        kind = subject.kind().as_str(),
        namespace = subject.namespace(),
        name = subject.name(),
        user = rollout.user(),
        caller = caller.as_str(),
        dry_run = rollout.dry_run(),
        policies = judged.len(),
        reasons = reasons.join("; "),
        overrides = message::log_overrides(decision),
        "decided"
    );
}

impl From<&Outcome> for Said {
    fn from(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Allow => Self::Allow,
            Outcome::Hold(_) => Self::Hold,
            Outcome::Deny => Self::Deny,
        }
    }
}
