//! Time windows, for policies that allow rollouts at some hours only.
//!
//! The host converts local times to instants ([`clock`](crate::clock)), so the days on which the
//! clocks change are correct.
//!
//! ```
//! use rollgate_sdk::time::{Purpose, Weekly, WeeklySettings, Zone};
//! use rollgate_sdk::{Failure, Finding, Policy, Rollout, SettingsError, Verdict, clock};
//! # use rollgate_sdk::{serde_json::json, testing::Case, Outcome};
//!
//! /// Allows rollouts while people are at work.
//! struct OfficeHours {
//!     zone: Zone,
//!     hours: Weekly,
//! }
//!
//! impl Policy for OfficeHours {
//!     type Settings = WeeklySettings;
//!
//!     fn new(settings: WeeklySettings) -> Result<Self, SettingsError> {
//!         let zone = Zone::named("Europe/Berlin").map_err(|error| SettingsError::at("", error.message))?;
//!         let hours = SettingsError::collect(|problems| Weekly::parse(&settings, problems))?;
//!         Ok(Self { zone, hours })
//!     }
//!
//!     fn evaluate(&self, _: &Rollout) -> Result<Verdict, Failure> {
//!         let now = self.zone.moment(clock::now())?;
//!         let next = self.hours.occurrence(now, &self.zone, Purpose::Allow)?;
//!         let reason = Finding::hold("closed", "", "Nobody is at work who could fix a bad rollout");
//!         Ok(match next {
//!             Some(window) if window.contains(now.at) => Verdict::allow(),
//!             Some(window) => Verdict::hold_until(window.start, reason),
//!             None => Verdict::hold(reason),
//!         })
//!     }
//! }
//! # let shop = Case::create(json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "shop"},
//! #     "spec": {"selector": {"matchLabels": {"app": "shop"}}, "template": {"metadata": {"labels": {"app": "shop"}},
//! #     "spec": {"containers": [{"name": "web", "image": "shop:1"}]}}}}));
//! # let shop = shop.settings(json!({"days": ["mon-fri"], "from": "09:00", "to": "16:00"}));
//! # let evening = shop.now("2026-03-27T18:00:00Z").evaluate::<OfficeHours>().unwrap(); // Friday, before the clocks change
//! # assert_eq!(evening.outcome, Outcome::Hold(Some("2026-03-30T07:00:00Z".parse().unwrap())));
//! ```

mod weekly;

use crate::clock::{self, Instant, ZoneError};
use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp};

pub use weekly::{Weekly, WeeklySettings};

/// The purpose of a window. It decides how an end that the clock shows twice is interpreted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Rollouts are allowed inside.
    Allow,
    /// Rollouts are blocked inside.
    Freeze,
}

/// From `start` (included) to `end` (excluded; `None` means no end).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occurrence {
    /// The first instant inside.
    pub start: Timestamp,
    /// The first instant after it.
    pub end: Option<Timestamp>,
}

impl Occurrence {
    /// Creates an occurrence between two local times; an absent one means no start or no end.
    ///
    /// It starts when the clock first reaches the start. An allowing window ends when the clock
    /// first reaches the end, a freeze when the clock reaches it for the last time: where the clock
    /// shows a time twice, the stricter interpretation applies.
    pub fn between(start: Option<Instant>, end: Option<Instant>, role: Purpose) -> Self {
        let end = end.map(|instant| match role {
            Purpose::Allow => instant.earliest(),
            Purpose::Freeze => instant.latest(),
        });
        Self {
            start: start.map_or(Timestamp::MIN, Instant::earliest),
            end,
        }
    }

    /// Creates an occurrence of this duration; without an end where that would be beyond the
    /// calendar.
    pub fn lasting(start: Timestamp, duration: SignedDuration) -> Self {
        Self {
            start,
            end: start.checked_add(duration).ok(),
        }
    }

    /// Whether `at` is inside.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.start <= at && self.end.is_none_or(|end| at < end)
    }

    /// Whether the occurrence ends after `at`.
    pub fn ends_after(&self, at: Timestamp) -> bool {
        !self.is_empty() && self.end.is_none_or(|end| end > at)
    }

    /// Whether it is empty, because the clocks skip all of it.
    pub fn is_empty(&self) -> bool {
        self.end.is_some_and(|end| end <= self.start)
    }
}

/// An IANA time zone that the host knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone(String);

/// An instant and its local time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The instant.
    pub at: Timestamp,
    /// The local time.
    pub civil: DateTime,
}

impl Zone {
    /// Returns the zone with this name.
    ///
    /// # Errors
    /// The host has no such zone.
    pub fn named(name: impl Into<String>) -> Result<Self, ZoneError> {
        let name = name.into();
        clock::to_civil(Timestamp::UNIX_EPOCH, &name).map(|_| Self(name))
    }

    /// Returns the local time of an instant.
    ///
    /// # Errors
    /// The instant is outside the calendar.
    pub fn moment(&self, at: Timestamp) -> Result<Moment, ZoneError> {
        let civil = clock::to_civil(at, &self.0)?.civil;
        Ok(Moment { at, civil })
    }

    /// Returns the instant of a local time.
    ///
    /// # Errors
    /// The local time is outside the calendar.
    pub fn instant(&self, civil: DateTime) -> Result<Instant, ZoneError> {
        clock::from_civil(civil, &self.0)
    }

    /// Formats an instant for people: `Thursday 2026-12-24 18:00 CET`.
    ///
    /// # Errors
    /// The instant is outside the calendar.
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
