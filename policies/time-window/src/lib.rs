//! Allows rollouts inside time windows and outside freezes, in a time zone.
//!
//! [`Schedule`] resolves the settings once: zones are known, times parsed, one-time spans converted
//! to instants. An evaluation then costs a few conversions of time, and searches for the next
//! opening only where it holds the rollout.

mod cron;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod opening;
mod schedule;
mod settings;
mod span;
#[cfg(test)]
mod tests;
mod verdict;
mod window;
mod yearly;

use rollgate_sdk::{Failure, Policy, Rollout, SettingsError, Verdict, clock};

pub use crate::settings::Settings;

use crate::opening::next_opening;
use crate::schedule::Schedule;

/// The policy, which consists of its schedule.
#[derive(Debug)]
pub struct TimeWindow {
    schedule: Schedule,
}

impl Policy for TimeWindow {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, SettingsError> {
        Schedule::parse(settings).map(|schedule| Self { schedule })
    }

    fn evaluate(&self, _rollout: &Rollout<'_>) -> Result<Verdict, Failure> {
        let now = clock::now();
        let state = self.schedule.state(now)?;
        if state.is_open() {
            return Ok(verdict::allow(&self.schedule, &state, now)?);
        }
        let opening = next_opening(&self.schedule, now)?;
        Ok(verdict::hold(&self.schedule, &state, now, opening)?)
    }
}

rollgate_sdk::export!(TimeWindow, name = "time-window");
