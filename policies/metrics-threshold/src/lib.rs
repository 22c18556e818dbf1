//! Lets rollouts go while live metrics keep within bounds.
//!
//! Queries are templates whose values cannot change them; what it means when a metric is absent,
//! not a number, old or not to be had has no default. Both come from the SDK; this crate puts them
//! under settings, adds the ready-made checks, and looks at the last minutes where that is asked.

mod check;
mod duration;
mod over;
mod parse;
pub mod pods;
mod reach;
mod red;
mod settings;
mod subject;

use rollgate_sdk::{Combined, Failure, Policy, Rollout, SettingsError, Verdict, clock};

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
        // What one check measured stands, whether or not the others could be judged.
        let judged: Combined = self
            .checks
            .iter()
            .map(|check| check.judge(&subject, now))
            .collect();
        judged.finish()
    }
}

rollgate_sdk::export!(MetricsThreshold, name = "metrics-threshold");
