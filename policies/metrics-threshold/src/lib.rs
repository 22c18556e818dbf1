//! Lets rollouts go while live metrics keep within bounds.
//!
//! Queries are templates whose values cannot change them; what it means when a metric is absent,
//! not a number, old or not to be had has no default. Both come from the SDK; this crate puts them
//! under settings, adds the ready-made checks, and looks at the last minutes where that is asked.

mod check;
mod duration;
mod over;
mod parse;
mod red;
mod settings;
mod subject;

use rollgate_sdk::{Failure, Finding, Outcome, Policy, Rollout, SettingsError, Verdict, clock};

pub use crate::settings::Settings;

use crate::check::Check;
use crate::subject::Subject;

/// The policy: its checks, in the order of the settings.
#[derive(Debug)]
pub struct MetricsThreshold {
    checks: Vec<Check>,
}

impl Policy for MetricsThreshold {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, SettingsError> {
        SettingsError::collect(|problems| parse::checks(&settings, problems))
            .map(|checks| Self { checks })
    }

    fn evaluate(&self, rollout: &Rollout<'_>) -> Result<Verdict, Failure> {
        let Some(subject) = Subject::of(rollout) else {
            return Err(Failure::unsupported(
                "the rollout has neither an old nor a new object",
            ));
        };
        let now = clock::now();
        let mut verdict = Verdict::allow();
        let mut failures = Vec::new();
        for check in &self.checks {
            match check.judge(&subject, now) {
                Ok(judged) => verdict = verdict.and(judged),
                Err(failure) => failures.push(failure),
            }
        }
        combine(verdict, failures)
    }
}

/// A failure stands only where no other check objects: the operator's `onError` may be to allow,
/// and must not wipe out what another check measured.
fn combine(verdict: Verdict, failures: Vec<Failure>) -> Result<Verdict, Failure> {
    if verdict.outcome != Outcome::Allow {
        let warnings = failures
            .into_iter()
            .map(|failure| Finding::warn(failure.code, "", failure.message));
        return Ok(warnings.fold(verdict, Verdict::with_finding));
    }
    let joined = failures.into_iter().reduce(|mut all, next| {
        all.message = [all.message, next.message].join("; ");
        all
    });
    joined.map_or(Ok(verdict), Err)
}

rollgate_sdk::export!(MetricsThreshold, name = "metrics-threshold");
