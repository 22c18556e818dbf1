//! The zone of a schedule: local time and back, answered by the host.

use crate::clock::{self, Instant, ZoneError};
use jiff::Timestamp;
use jiff::civil::DateTime;

/// An IANA time zone that the host knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone(String);

/// An instant and what the local clock shows then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The instant.
    pub at: Timestamp,
    /// The local time.
    pub civil: DateTime,
}

impl Zone {
    /// The zone of this name.
    ///
    /// # Errors
    /// The host has no such zone.
    pub fn named(name: impl Into<String>) -> Result<Self, ZoneError> {
        let name = name.into();
        clock::to_civil(Timestamp::UNIX_EPOCH, &name).map(|_| Self(name))
    }

    /// The local time of an instant.
    ///
    /// # Errors
    /// The instant lies outside the calendar.
    pub fn moment(&self, at: Timestamp) -> Result<Moment, ZoneError> {
        let civil = clock::to_civil(at, &self.0)?.civil;
        Ok(Moment { at, civil })
    }

    /// When the local clock shows `civil`.
    ///
    /// # Errors
    /// The local time lies outside the calendar.
    pub fn instant(&self, civil: DateTime) -> Result<Instant, ZoneError> {
        clock::from_civil(civil, &self.0)
    }

    /// An instant for people: `2026-12-24 18:00 CET`, with the weekday in front.
    ///
    /// # Errors
    /// The instant lies outside the calendar.
    pub fn show(&self, at: Timestamp) -> Result<String, ZoneError> {
        let local = clock::to_civil(at, &self.0)?;
        let (date, time) = (local.civil.date(), local.civil.time());
        let weekday = format!("{:?}", date.weekday());
        let weekday = weekday.get(..3).unwrap_or(&weekday);
        let seconds = if time.second() == 0 {
            String::new()
        } else {
            format!(":{:02}", time.second())
        };
        Ok(format!(
            "{weekday} {date} {:02}:{:02}{seconds} {}",
            time.hour(),
            time.minute(),
            local.abbreviation
        ))
    }
}
