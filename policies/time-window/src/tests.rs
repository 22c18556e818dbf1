//! Compares the schedule with a clock that is read minute by minute, and tests its edges and
//! settings.

mod minutes;
mod mistakes;
mod random;
mod search;

use rollgate_sdk::jiff::Timestamp;
use rollgate_sdk::serde_json;

use crate::opening::{Opening, next_opening};
use crate::schedule::Schedule;

/// Parses a schedule from settings in JSON.
fn schedule(settings: &str) -> Schedule {
    let settings = serde_json::from_str(settings).expect("settings of the right shape");
    Schedule::parse(settings).expect("sound settings")
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time with an offset")
}

fn opening<'a>(schedule: &'a Schedule, now: &str) -> Opening<'a> {
    next_opening(schedule, at(now)).expect("inside the calendar")
}
