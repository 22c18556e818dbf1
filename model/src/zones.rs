//! Converts between instants and civil time in IANA time zones, as `wit/clock.wit` specifies.
//!
//! Only the bundled time zones are used, so that a laptop, an empty container image and a server
//! agree.

use jiff::tz::{AmbiguousOffset, Offset, TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, civil};

/// A local time, on the proleptic Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Civil {
    /// -9999 to 9999.
    pub year: i16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
}

/// The local time of an instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Local {
    /// The civil time; fractions of a second are dropped.
    pub civil: Civil,
    /// 1 (Monday) to 7 (Sunday), as in ISO 8601.
    pub weekday: u8,
    /// Seconds east of UTC.
    pub offset_seconds: i32,
    /// The zone's abbreviation then, such as `CEST`.
    pub abbreviation: String,
    /// Whether daylight saving time applies.
    pub dst: bool,
}

/// The instant of a local time, including the two cases in which clocks change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instant {
    /// The local time happens once.
    Once(Timestamp),
    /// Clocks go forward and skip the local time. This is the instant of the change.
    Skipped(Timestamp),
    /// Clocks go back, and the local time happens twice: earlier, later.
    Twice(Timestamp, Timestamp),
}

/// Why a conversion failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ZoneError {
    /// The kind of failure.
    pub code: ZoneErrorCode,
    /// A message for people, which contains the input.
    pub message: String,
}

/// The kinds of failure of a conversion, named as in `wit/clock.wit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ZoneErrorCode {
    /// The bundled database has no such zone.
    UnknownZone,
    /// There is no such date or time in any zone.
    InvalidCivil,
    /// The instant lies outside the years -9999 to 9999.
    OutOfRange,
}

impl ZoneErrorCode {
    /// Returns the word of the contract.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnknownZone => "unknown-zone",
            Self::InvalidCivil => "invalid-civil",
            Self::OutOfRange => "out-of-range",
        }
    }
}

/// Returns the local time at an instant in an IANA time zone such as `Europe/Berlin`, in upper or
/// lower case.
///
/// # Errors
/// [`ZoneErrorCode::UnknownZone`].
pub fn to_civil(at: Timestamp, zone: &str) -> Result<Local, ZoneError> {
    let tz = find(zone)?;
    let info = tz.to_offset_info(at);
    let local = info.offset().to_datetime(at);
    Ok(Local {
        civil: Civil::from(local),
        weekday: local.weekday().to_monday_one_offset().unsigned_abs(),
        offset_seconds: info.offset().seconds(),
        abbreviation: info.abbreviation().to_owned(),
        dst: info.dst().is_dst(),
    })
}

/// Returns the instant of a local time in an IANA time zone such as `Europe/Berlin`, in upper or
/// lower case.
///
/// # Errors
/// Any of [`ZoneErrorCode`].
pub fn from_civil(civil: Civil, zone: &str) -> Result<Instant, ZoneError> {
    let tz = find(zone)?;
    let local = civil.to_datetime()?;
    let at = |offset: Offset| {
        offset
            .to_timestamp(local)
            .map_err(|_| out_of_range(civil, zone))
    };
    match tz.to_ambiguous_timestamp(local).offset() {
        AmbiguousOffset::Unambiguous { offset } => Ok(Instant::Once(at(offset)?)),
        AmbiguousOffset::Fold { before, after } => Ok(Instant::Twice(at(before)?, at(after)?)),
        // With the offset after the change, a skipped time is an instant before the change.
        AmbiguousOffset::Gap { after, .. } => tz
            .following(at(after)?)
            .find(|change| change.offset() == after)
            .map(|change| Instant::Skipped(change.timestamp()))
            .ok_or_else(|| out_of_range(civil, zone)),
    }
}

fn find(zone: &str) -> Result<TimeZone, ZoneError> {
    TimeZoneDatabase::bundled()
        .get(zone)
        .ok()
        .filter(|tz| !tz.is_unknown())
        .ok_or_else(|| ZoneError {
            code: ZoneErrorCode::UnknownZone,
            message: format!(
                "there is no time zone {:?}: use an IANA name such as Europe/Berlin, or UTC",
                clip(zone)
            ),
        })
}

/// Truncates a name from a guest for messages. IANA names have at most 32 characters so far.
fn clip(zone: &str) -> String {
    const LONGEST: usize = 64;
    match zone.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &zone[..end]),
        None => zone.to_owned(),
    }
}

fn out_of_range(civil: Civil, zone: &str) -> ZoneError {
    ZoneError {
        code: ZoneErrorCode::OutOfRange,
        message: format!("{civil} in {zone} lies outside the years -9999 to 9999"),
    }
}

impl Civil {
    fn to_datetime(self) -> Result<civil::DateTime, ZoneError> {
        self.try_datetime().ok_or_else(|| ZoneError {
            code: ZoneErrorCode::InvalidCivil,
            message: format!("{self} is not a date and time of the calendar"),
        })
    }

    fn try_datetime(self) -> Option<civil::DateTime> {
        let small = |part: u8| i8::try_from(part).ok();
        civil::DateTime::new(
            self.year,
            small(self.month)?,
            small(self.day)?,
            small(self.hour)?,
            small(self.minute)?,
            small(self.second)?,
            0,
        )
        .ok()
    }
}

impl From<civil::DateTime> for Civil {
    fn from(local: civil::DateTime) -> Self {
        // jiff uses `i8`; only the year can be negative.
        Self {
            year: local.year(),
            month: local.month().unsigned_abs(),
            day: local.day().unsigned_abs(),
            hour: local.hour().unsigned_abs(),
            minute: local.minute().unsigned_abs(),
            second: local.second().unsigned_abs(),
        }
    }
}

impl std::fmt::Display for Civil {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            year,
            month,
            day,
            hour,
            minute,
            second,
        } = self;
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"
        )
    }
}

#[cfg(test)]
mod tests;
