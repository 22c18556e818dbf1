//! Windows that start by a cron expression.

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use rollgate_sdk::Problems;
use rollgate_sdk::clock::ZoneError;
use rollgate_sdk::jiff::SignedDuration;
use rollgate_sdk::jiff::civil::{DateTime, date};
use rollgate_sdk::time::{Moment, Occurrence, Zone};

use crate::settings::CronSettings;

/// Starts in local time, each with a fixed duration of elapsed time.
#[derive(Debug)]
pub(crate) struct CronWindow {
    cron: Cron,
    duration: SignedDuration,
}

const LONGEST: SignedDuration = SignedDuration::from_hours(366 * 24);

impl CronWindow {
    /// Parses the settings. Mistakes are recorded in `problems`, whose path is the window's `cron`.
    pub(crate) fn parse(settings: &CronSettings, problems: &mut Problems<'_>) -> Option<Self> {
        let cron = problems.at("schedule").keep(expression(&settings.schedule));
        let duration = problems.at("duration").keep(duration(&settings.duration));
        Some(Self {
            cron: cron?,
            duration: duration?,
        })
    }

    /// Returns the first occurrence that ends after `now`: that of the first start after `now -
    /// duration`.
    ///
    /// The search runs in local time. The first instant with a local time never decreases as that
    /// time grows. So once it is beyond the bound, no later time can have an earlier start, and
    /// only times that the clock shows twice need a look back.
    pub(crate) fn occurrence(
        &self,
        now: Moment,
        zone: &Zone,
    ) -> Result<Option<Occurrence>, ZoneError> {
        let Ok(bound) = now.at.checked_sub(self.duration) else {
            return Ok(None);
        };
        let mut from = self.search_from(zone.moment(bound)?, zone)?;
        let mut inclusive = true;
        let mut start = None;
        while let Ok(local) = self.cron.find_next_occurrence(&from, inclusive) {
            let shown = zone.instant(local)?;
            let candidate = [shown.earliest(), shown.latest()]
                .into_iter()
                .find(|at| *at > bound);
            start = start.into_iter().chain(candidate).min();
            if shown.earliest() > bound {
                break;
            }
            (from, inclusive) = (local, false);
        }
        Ok(start.map(|start| Occurrence::lasting(start, self.duration)))
    }

    /// Returns the local time to search from: that of `bound`, or an earlier one where the clock is
    /// about to go back over it.
    fn search_from(&self, bound: Moment, zone: &Zone) -> Result<DateTime, ZoneError> {
        let shown = zone.instant(bound.civil)?;
        let repeats = shown.latest().duration_since(shown.earliest());
        Ok(bound.civil.saturating_sub(repeats))
    }
}

/// Parses the five fields that every cron has, without seconds, years and `@` names.
fn expression(text: &str) -> Result<Cron, String> {
    if text.contains('@') {
        return Err(format!(
            "`{text}`: write the five fields instead of a name, such as 0 22 * * 5"
        ));
    }
    let parser = CronParser::builder()
        .seconds(Seconds::Disallowed)
        .year(Year::Disallowed)
        .build();
    let cron = parser.parse(text).map_err(|error| {
        format!("`{text}` is no cron expression of five fields (minute, hour, day, month, weekday): {error}")
    })?;
    // The calendar repeats itself, so an expression without an occurrence from here on never has
    // one.
    match cron.find_next_occurrence(&date(2000, 1, 1).at(0, 0, 0, 0), true) {
        Ok(_) => Ok(cron),
        Err(_) => Err(format!(
            "`{text}` names a date that never comes, so the window would never start"
        )),
    }
}

fn duration(text: &str) -> Result<SignedDuration, String> {
    let parsed: SignedDuration = text
        .parse()
        .map_err(|_| format!("`{text}` is no duration; write 8h, 1h 30m or 45m"))?;
    if parsed < SignedDuration::from_secs(1) || parsed > LONGEST || parsed.subsec_nanos() != 0 {
        return Err(format!(
            "`{text}` is out of range; a window lasts whole seconds, at most 8784h (366 days)"
        ));
    }
    Ok(parsed)
}
