//! Lets rollouts go inside time windows and outside freezes, in a time zone.
//!
//! What the settings mean is settled once, in [`Schedule`]: zones are known, times parsed, one-time
//! spans already instants. A rollout then costs a few conversions of time; only where it is held
//! is the next opening searched.

mod cron;
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

/// The policy: a schedule and the clock.
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
