//! Time. The host's one tz database serves every zone, so a laptop and a server agree.

use crate::Failure;
use crate::sys;
use crate::words::words;
use jiff::Timestamp;
use jiff::civil::DateTime;

/// The local time of an instant in a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Local {
    /// The civil time; fractions of a second are dropped. It knows its weekday.
    pub civil: DateTime,
    /// Seconds east of UTC.
    pub offset_seconds: i32,
    /// The zone's abbreviation then, such as `CEST`.
    pub abbreviation: String,
    /// Whether daylight saving time is in force.
    pub dst: bool,
}

/// The instant of a local time, with the case where the clocks change told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instant {
    /// The local time happens once.
    Once(Timestamp),
    /// Clocks go forward and skip it. The instant of the change.
    Skipped(Timestamp),
    /// Clocks go back and it happens twice: earlier, later.
    Twice(Timestamp, Timestamp),
}

impl Instant {
    /// The first instant that shows this local time, or the change that skips it.
    #[must_use]
    pub const fn earliest(self) -> Timestamp {
        match self {
            Self::Once(at) | Self::Skipped(at) | Self::Twice(at, _) => at,
        }
    }

    /// The last instant that shows this local time, or the change that skips it.
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
    /// The kind of mistake.
    pub code: ZoneErrorCode,
    /// In words, naming what was given.
    pub message: String,
}

words! {
    /// The kinds of mistake in a conversion.
    ZoneErrorCode {
        /// There is no such IANA zone.
        UnknownZone = "unknown-zone",
        /// There is no such date or time.
        InvalidCivil = "invalid-civil",
        /// Beyond the years that can be told.
        OutOfRange = "out-of-range",
    }
}

/// The instant of this review: the same at every call, and for every policy that judges it.
/// Not answered while a policy is built.
#[must_use]
pub fn now() -> Timestamp {
    sys::now()
}

/// The local time at an instant in an IANA zone such as `Europe/Berlin`.
///
/// # Errors
/// There is no such zone, or the instant is out of range.
pub fn to_civil(at: Timestamp, zone: &str) -> Result<Local, ZoneError> {
    sys::to_civil(at, zone)
}

/// The instant of a local time in an IANA zone.
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
