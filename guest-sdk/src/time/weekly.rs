//! Weekly windows.

use crate::Problems;
use crate::clock::ZoneError;
use jiff::civil::{Date, DateTime, Time, Weekday};
use schemars::JsonSchema;
use serde::Deserialize;
use std::iter::successors;

use super::{Moment, Occurrence, Purpose, Zone};

/// A window from `from` to `to` on days of the week.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WeeklySettings {
    /// The days on which the window starts: `mon`, `friday`, or ranges such as `mon-fri`. Without
    /// any, every day.
    #[serde(default)]
    pub days: Vec<String>,
    /// The local time at which it opens, `HH:MM`.
    pub from: String,
    /// The local time at which it closes, `HH:MM`; `24:00` is the end of the day. A time before
    /// `from` is on the next day.
    pub to: String,
}

/// A window from `from` to `to` that starts on some days of the week.
#[derive(Clone, Debug)]
pub struct Weekly {
    days: Days,
    from: Time,
    to: Close,
}

/// When a window closes, relative to the day on which it starts.
#[derive(Clone, Copy, Debug)]
enum Close {
    SameDay(Time),
    NextDay(Time),
}

impl Weekly {
    /// Parses the settings. Mistakes are recorded in `problems`, which is at the place of the
    /// settings.
    pub fn parse(settings: &WeeklySettings, problems: &mut Problems<'_>) -> Option<Self> {
        let days = Days::parse(&settings.days, &mut problems.at("days"));
        let from = problems.at("from").keep(time_of_day(&settings.from));
        let to = problems.at("to").keep(time_of_day(&settings.to));
        let (days, from, to) = (days?, from?, to?);
        let TimeOfDay::At(from) = from else {
            return problems
                .at("from")
                .refuse("24:00 is the end of a day; write 00:00 and name the next day");
        };
        let to = match to {
            TimeOfDay::EndOfDay => Close::NextDay(Time::midnight()),
            TimeOfDay::At(to) if to > from => Close::SameDay(to),
            TimeOfDay::At(to) if to < from => Close::NextDay(to),
            TimeOfDay::At(_) => {
                return problems
                    .at("to")
                    .refuse("is the same as `from`; for a whole day write from 00:00 to 24:00");
            }
        };
        Some(Self { days, from, to })
    }

    /// Returns the first occurrence that ends after `now`.
    ///
    /// Searching sixteen days is enough. A window is shorter than a day, so an open one started
    /// yesterday at the earliest. The fourteen days from tomorrow on have every weekday twice, of
    /// which the clocks can skip one.
    ///
    /// # Errors
    /// The search reached the end of the calendar.
    pub fn occurrence(
        &self,
        now: Moment,
        zone: &Zone,
        role: Purpose,
    ) -> Result<Option<Occurrence>, ZoneError> {
        let yesterday = now.civil.date().yesterday().unwrap_or(Date::MIN);
        let dates = successors(Some(yesterday), |date| date.tomorrow().ok());
        for date in dates.take(16) {
            if !self.days.contains(date.weekday()) {
                continue;
            }
            let Some((from, to)) = self.on(date) else {
                break;
            };
            // Converts the end first: most dates are over, and each conversion costs a host call.
            let to = zone.instant(to)?;
            if to.latest() <= now.at {
                continue;
            }
            let occurrence = Occurrence::between(Some(zone.instant(from)?), Some(to), role);
            if occurrence.ends_after(now.at) {
                return Ok(Some(occurrence));
            }
        }
        Ok(None)
    }

    /// Returns the local start and end of the occurrence that starts on `date`; `None` beyond the
    /// end of the calendar.
    fn on(&self, date: Date) -> Option<(DateTime, DateTime)> {
        let to = match self.to {
            Close::SameDay(time) => date.to_datetime(time),
            Close::NextDay(time) => date.tomorrow().ok()?.to_datetime(time),
        };
        Some((date.to_datetime(self.from), to))
    }
}

/// A set of weekdays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Days(u8);

impl Days {
    const EVERY: Self = Self(0b111_1111);

    fn parse(names: &[String], problems: &mut Problems<'_>) -> Option<Self> {
        if names.is_empty() {
            return Some(Self::EVERY);
        }
        let mut days = Some(Self(0));
        for (index, name) in names.iter().enumerate() {
            let more = problems.at(index).keep(Self::named(name));
            days = days.zip(more).map(|(days, more)| Self(days.0 | more.0));
        }
        days
    }

    /// Parses `mon`, `Monday`, `mon-fri` or `sat-mon`.
    fn named(name: &str) -> Result<Self, String> {
        let (first, last) = name.split_once('-').unwrap_or((name, name));
        let (Some(first), Some(last)) = (weekday(first), weekday(last)) else {
            return Err(format!(
                "`{name}` is no day; write mon, tue, wed, thu, fri, sat, sun or a range such as mon-fri"
            ));
        };
        let length = first.until(last).unsigned_abs();
        Ok((0..=length).fold(Self(0), |days, step| {
            Self(days.0 | bit(first.wrapping_add(i64::from(step))))
        }))
    }

    fn contains(self, day: Weekday) -> bool {
        self.0 & bit(day) != 0
    }
}

fn bit(day: Weekday) -> u8 {
    1 << day.to_monday_zero_offset()
}

fn weekday(name: &str) -> Option<Weekday> {
    Some(match name.trim().to_ascii_lowercase().as_str() {
        "mon" | "monday" => Weekday::Monday,
        "tue" | "tuesday" => Weekday::Tuesday,
        "wed" | "wednesday" => Weekday::Wednesday,
        "thu" | "thursday" => Weekday::Thursday,
        "fri" | "friday" => Weekday::Friday,
        "sat" | "saturday" => Weekday::Saturday,
        "sun" | "sunday" => Weekday::Sunday,
        _ => return None,
    })
}

enum TimeOfDay {
    At(Time),
    EndOfDay,
}

fn time_of_day(text: &str) -> Result<TimeOfDay, String> {
    let wrong =
        || format!("`{text}` is no time of day; write HH:MM from 00:00 to 24:00, such as 09:30");
    let (hour, minute) = text.split_once(':').ok_or_else(wrong)?;
    let number = |digits: &str| match digits.as_bytes() {
        [b'0'..=b'9', b'0'..=b'9'] => digits.parse::<i8>().ok(),
        _ => None,
    };
    match (
        number(hour).ok_or_else(wrong)?,
        number(minute).ok_or_else(wrong)?,
    ) {
        (24, 0) => Ok(TimeOfDay::EndOfDay),
        (hour, minute) => Time::new(hour, minute, 0, 0)
            .map(TimeOfDay::At)
            .map_err(|_| wrong()),
    }
}
