//! Windows that do not recur.

use rollgate_sdk::Problems;
use rollgate_sdk::clock::Instant;
use rollgate_sdk::jiff::Timestamp;
use rollgate_sdk::jiff::civil::DateTime;
use rollgate_sdk::time::{Moment, Occurrence, Purpose, Zone};

use crate::settings::SpanSettings;

/// A period, whose instants are computed when the settings are parsed.
#[derive(Debug)]
pub(crate) struct Span(Occurrence);

impl Span {
    /// Parses the settings. Mistakes are recorded in `problems`, whose path is the window's `span`.
    pub(crate) fn parse(
        settings: &SpanSettings,
        zone: &Zone,
        purpose: Purpose,
        problems: &mut Problems<'_>,
    ) -> Option<Self> {
        if settings.start.is_none() && settings.end.is_none() {
            return problems.refuse("has neither `start` nor `end`; give at least one");
        }
        let mut edge = |field: &'static str, text: &Option<String>| {
            let text = text.as_deref()?;
            Some(problems.at(field).keep(instant(text, zone)))
        };
        let start = edge("start", &settings.start);
        let end = edge("end", &settings.end);
        if start == Some(None) || end == Some(None) {
            return None;
        }
        let occurrence = Occurrence::between(start.flatten(), end.flatten(), purpose);
        if occurrence.is_empty() {
            return problems.at("end").refuse("is not after `start`");
        }
        Some(Self(occurrence))
    }

    /// Returns the span, unless it is over.
    pub(crate) fn occurrence(&self, now: Moment) -> Option<Occurrence> {
        self.0.ends_after(now.at).then_some(self.0)
    }

    /// Returns the last instant at which this window changes.
    pub(crate) fn last_edge(&self) -> Timestamp {
        self.0.end.unwrap_or(self.0.start)
    }
}

/// Parses an instant with an offset, or a local time in the zone.
fn instant(text: &str, zone: &Zone) -> Result<Instant, String> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(Instant::Once(at));
    }
    let local = text
        .contains(['T', 't', ' '])
        .then(|| text.parse::<DateTime>().ok())
        .flatten();
    let Some(local) = local else {
        return Err(format!(
            "`{text}` is no time; write 2026-12-24T18:00 (local) or 2026-12-24T18:00:00+01:00"
        ));
    };
    zone.instant(local).map_err(|error| error.to_string())
}
