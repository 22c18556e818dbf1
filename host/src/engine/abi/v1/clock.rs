//! The host calls for the clock and time zones.

use jiff::Timestamp;
use rollgate_model::zones::{self, Civil, ZoneError};
use wasmtime::Result;

use super::bindings::rollgate::policy::{clock, types};
use super::results;
use crate::engine::running::state::HostState;

impl clock::Host for HostState {
    fn now(&mut self) -> Result<types::Timestamp> {
        let evaluation = self.evaluation("clock.now")?;
        Ok(timestamp(evaluation.review.read_clock()))
    }

    fn to_civil(
        &mut self,
        at: types::Timestamp,
        zone: String,
    ) -> Result<Result<clock::Local, clock::ZoneError>> {
        let at = match results::timestamp(at) {
            Ok(at) => at,
            Err(message) => {
                return Ok(Err(clock::ZoneError {
                    code: "out-of-range".into(),
                    message,
                }));
            }
        };
        Ok(zones::to_civil(at, &zone).map(local).map_err(zone_error))
    }

    fn from_civil(
        &mut self,
        civil: clock::Civil,
        zone: String,
    ) -> Result<Result<clock::Instant, clock::ZoneError>> {
        let civil = Civil {
            year: civil.year,
            month: civil.month,
            day: civil.day,
            hour: civil.hour,
            minute: civil.minute,
            second: civil.second,
        };
        Ok(zones::from_civil(civil, &zone)
            .map(instant)
            .map_err(zone_error))
    }
}

pub(super) fn timestamp(at: Timestamp) -> types::Timestamp {
    // jiff gives both parts the same sign; the contract counts nanoseconds forward.
    let (seconds, nanoseconds) = (at.as_second(), at.subsec_nanosecond());
    let borrow = i64::from(nanoseconds < 0);
    let nanoseconds = i64::from(nanoseconds) + borrow * 1_000_000_000;
    types::Timestamp {
        seconds: seconds - borrow,
        nanoseconds: u32::try_from(nanoseconds).expect("a part of a second, counted forward"),
    }
}

fn local(local: zones::Local) -> clock::Local {
    clock::Local {
        civil: clock::Civil {
            year: local.civil.year,
            month: local.civil.month,
            day: local.civil.day,
            hour: local.civil.hour,
            minute: local.civil.minute,
            second: local.civil.second,
        },
        weekday: local.weekday,
        offset_seconds: local.offset_seconds,
        abbreviation: local.abbreviation,
        dst: local.dst,
    }
}

fn instant(instant: zones::Instant) -> clock::Instant {
    match instant {
        zones::Instant::Once(at) => clock::Instant::Once(timestamp(at)),
        zones::Instant::Skipped(at) => clock::Instant::Skipped(timestamp(at)),
        zones::Instant::Twice(earlier, later) => {
            clock::Instant::Twice((timestamp(earlier), timestamp(later)))
        }
    }
}

fn zone_error(error: ZoneError) -> clock::ZoneError {
    clock::ZoneError {
        code: error.code.as_str().into(),
        message: error.message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_before_1970_counts_nanoseconds_forward() {
        let at: Timestamp = "1969-12-31T23:59:59.25Z".parse().expect("a timestamp");
        let there = timestamp(at);
        assert_eq!((there.seconds, there.nanoseconds), (-1, 250_000_000));
        assert_eq!(results::timestamp(there), Ok(at));
    }
}
