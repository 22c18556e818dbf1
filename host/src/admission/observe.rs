//! Counts and logs a decision.

use std::collections::BTreeSet;

use rollgate_model::{Outcome, Rollout};

use super::caller::Caller;
use super::decision::{Decision, PolicyResult};
use super::render;
use crate::telemetry::{PolicyDecision, ReviewOutcome, Telemetry, VerdictLabel};

/// Counts a decision in the metrics, and logs it as one line with the reasons.
pub(super) fn observe(decision: &Decision, caller: Caller, telemetry: &Telemetry) {
    for result in decision.results() {
        count(result, decision.rollout(), telemetry);
    }
    count_overrides(decision, telemetry);
    telemetry.review(match decision.outcome() {
        _ if decision.results().is_empty() => ReviewOutcome::Unmatched,
        Outcome::Allow => ReviewOutcome::Allowed,
        Outcome::Hold(_) => ReviewOutcome::Held,
        Outcome::Deny => ReviewOutcome::Denied,
    });
    log(decision, caller);
}

fn count(result: &PolicyResult, rollout: &Rollout, telemetry: &Telemetry) {
    let policy = result.policy.shared();
    let verdict = match &result.verdict {
        Ok(verdict) => match verdict.outcome {
            Outcome::Allow => VerdictLabel::Allow,
            Outcome::Hold(_) => VerdictLabel::Hold,
            Outcome::Deny => VerdictLabel::Deny,
        },
        Err(error) => {
            telemetry.error(policy, error.kind());
            VerdictLabel::Error
        }
    };
    telemetry.evaluation(policy, result.duration);
    telemetry.decision(&PolicyDecision {
        policy,
        verdict,
        change: rollout.change().as_str(),
        kind: rollout.subject().kind().as_str(),
    });
}

fn count_overrides(decision: &Decision, telemetry: &Telemetry) {
    let results = decision.results().iter();
    // One override may let several policies pass.
    let passed: BTreeSet<_> = results
        .filter_map(|result| Some(result.passed_by.as_ref()?.name.as_str()))
        .collect();
    let outcome = if decision.rollout().dry_run() {
        "would-pass"
    } else {
        "passed"
    };
    for _ in passed {
        telemetry.override_checked(outcome);
    }
    for rejected in decision.rejected_overrides() {
        telemetry.override_checked(rejected.reason.kind());
    }
}

fn log(decision: &Decision, caller: Caller) {
    let (rollout, results) = (decision.rollout(), decision.results());
    let subject = rollout.subject();
    let reasons: Vec<_> = results.iter().filter_map(render::log_reason).collect();
    tracing::info!(
        uid = decision.id(),
        decision = decision.outcome().as_str(),
        change = rollout.change().as_str(),
        kind = subject.kind().as_str(),
        namespace = subject.namespace(),
        name = subject.name(),
        user = rollout.user(),
        caller = caller.as_str(),
        dry_run = rollout.dry_run(),
        policies = results.len(),
        reasons = reasons.join("; "),
        overrides = render::log_overrides(decision),
        "decided"
    );
}
