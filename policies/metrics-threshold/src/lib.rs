//! Allows rollouts while live metrics keep within bounds.
//!
//! The SDK provides query templates, whose values cannot change the query, and thresholds, which
//! have no default for a metric that is absent, NaN, stale or unavailable. This crate adds the
//! settings, the ready-made checks and checks over the last minutes.

mod before;
mod check;
mod over;
mod parse;
mod reach;
mod red;
mod requests;
mod resources;
mod settings;

use rollgate_sdk::{Combined, Failure, Policy, Rollout, SettingsError, Verdict, clock};

pub use crate::settings::Settings;

use crate::check::Check;
use rollgate_sdk::subject::Subject;

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
        // A failed check does not hide what another one measured.
        let combined: Combined = self
            .checks
            .iter()
            .map(|check| check.evaluate(&subject, now))
            .collect();
        combined.finish()
    }
}

rollgate_sdk::export!(MetricsThreshold, name = "metrics-threshold");
