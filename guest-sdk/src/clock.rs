//! The time of the review, and conversions between instants and local time. All hosts bundle the
//! same tz database, so a laptop and a server agree.

use crate::Failure;
use crate::sys;
use crate::words::words;
use jiff::Timestamp;
use jiff::civil::DateTime;

/// The local time of an instant in a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Local {
    /// The civil time, without fractions of a second. It knows its weekday.
    pub civil: DateTime,
    /// Seconds east of UTC.
    pub offset_seconds: i32,
    /// The zone's abbreviation at that instant, such as `CEST`.
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

impl Instant {
    /// Returns the first instant with this local time, or the change that skips it.
    #[must_use]
    pub const fn earliest(self) -> Timestamp {
        match self {
            Self::Once(at) | Self::Skipped(at) | Self::Twice(at, _) => at,
        }
    }

    /// Returns the last instant with this local time, or the change that skips it.
    #[must_use]
    pub const fn latest(self) -> Timestamp {
        match self {
            Self::Once(at) | Self::Skipped(at) | Self::Twice(_, at) => at,
        }
    }
}

/// Why a conversion failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneError {
    /// The kind of error.
    pub code: ZoneErrorCode,
    /// A message for people, which contains the input.
    pub message: String,
}

words! {
    /// The kinds of errors of a conversion.
    ZoneErrorCode {
        /// There is no such IANA zone.
        UnknownZone = "unknown-zone",
        /// There is no such date or time.
        InvalidCivil = "invalid-civil",
        /// The instant is outside the years -9999 to 9999.
        OutOfRange = "out-of-range",
    }
}

/// Returns the instant of this review: the same at every call, and for every policy that evaluates
/// it. Not available in [`Policy::new`](crate::Policy::new).
#[must_use]
pub fn now() -> Timestamp {
    sys::now()
}

/// Returns the local time at an instant in an IANA zone such as `Europe/Berlin`.
///
/// # Errors
/// There is no such zone, or the instant is out of range.
pub fn to_civil(at: Timestamp, zone: &str) -> Result<Local, ZoneError> {
    sys::to_civil(at, zone)
}

/// Returns the instant of a local time in an IANA zone.
///
/// # Errors
/// There is no such zone, or the instant is out of range.
pub fn from_civil(civil: DateTime, zone: &str) -> Result<Instant, ZoneError> {
    sys::from_civil(civil, zone)
}

impl std::fmt::Display for ZoneError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ZoneError {}

impl From<ZoneError> for Failure {
    fn from(error: ZoneError) -> Self {
        Self::internal(error.message)
    }
}
