//! Windows of whole days that recur every year.

use rollgate_sdk::Problems;
use rollgate_sdk::clock::ZoneError;
use rollgate_sdk::jiff::civil::Date;
use rollgate_sdk::time::{Moment, Occurrence, Purpose, Zone};

use crate::settings::YearlySettings;

/// From the start of one day to the end of another, every year.
#[derive(Debug)]
pub(crate) struct Yearly {
    from: MonthDay,
    to: MonthDay,
}

/// A day of the year, which may be February 29.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct MonthDay {
    month: i8,
    day: i8,
}

impl Yearly {
    /// Parses the settings. Mistakes are recorded in `problems`, whose path is the window's
    /// `yearly`.
    pub(crate) fn parse(settings: &YearlySettings, problems: &mut Problems<'_>) -> Option<Self> {
        let from = problems.at("from").keep(month_day(&settings.from));
        let to = problems.at("to").keep(month_day(&settings.to));
        Some(Self {
            from: from?,
            to: to?,
        })
    }

    /// Returns the first occurrence that ends after `now`.
    ///
    /// Searching eleven years is enough. An active occurrence started last year at the earliest,
    /// and only `02-29` to `02-29` can miss years, at most seven in a row (1897 to 1903, 2097 to
    /// 2103).
    pub(crate) fn occurrence(
        &self,
        now: Moment,
        zone: &Zone,
        purpose: Purpose,
    ) -> Result<Option<Occurrence>, ZoneError> {
        let last_year = now.civil.year().saturating_sub(1);
        for year in (last_year..).take(11) {
            let Some((from, to)) = self.in_year(year) else {
                continue;
            };
            let (from, to) = (zone.instant(from.into())?, zone.instant(to.into())?);
            let occurrence = Occurrence::between(Some(from), Some(to), purpose);
            if occurrence.ends_after(now.at) {
                return Ok(Some(occurrence));
            }
        }
        Ok(None)
    }

    /// Returns the first day of the occurrence that starts in `year`, and the first day after it;
    /// `None` outside the calendar.
    fn in_year(&self, year: i16) -> Option<(Date, Date)> {
        let end_year = if self.to < self.from {
            year.checked_add(1)?
        } else {
            year
        };
        let from = self.from.or_march_first(year)?;
        let to = match self.to {
            MonthDay { month: 2, day: 29 } => {
                MonthDay { month: 3, day: 1 }.or_march_first(end_year)?
            }
            last => last.or_march_first(end_year)?.tomorrow().ok()?,
        };
        Some((from, to))
    }
}

impl MonthDay {
    fn or_march_first(self, year: i16) -> Option<Date> {
        Date::new(year, self.month, self.day)
            .or_else(|_| Date::new(year, 3, 1))
            .ok()
    }
}

fn month_day(text: &str) -> Result<MonthDay, String> {
    // Every day of the year exists in a leap year.
    const LEAP_YEAR: i16 = 2000;
    let parsed = text.split_once('-').and_then(|(month, day)| {
        let (month, day) = (month.parse::<i8>().ok()?, day.parse::<i8>().ok()?);
        Date::new(LEAP_YEAR, month, day).ok()
    });
    match parsed {
        Some(date) => Ok(MonthDay {
            month: date.month(),
            day: date.day(),
        }),
        None => Err(format!(
            "`{text}` is no day of the year; write MM-DD, such as 12-20"
        )),
    }
}
