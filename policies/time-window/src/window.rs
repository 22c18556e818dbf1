//! A window of any kind, with its label and reason.

use rollgate_sdk::Problems;
use rollgate_sdk::clock::ZoneError;
use rollgate_sdk::jiff::Timestamp;
use rollgate_sdk::time::{Moment, Occurrence, Purpose, Weekly, WeeklySettings, Zone};

use crate::cron::CronWindow;
use crate::settings::{self, SpanSettings};
use crate::span::Span;
use crate::yearly::Yearly;

/// A period that may recur.
#[derive(Debug)]
pub(crate) struct Window {
    purpose: Purpose,
    rule: Rule,
    label: String,
    reason: Option<String>,
}

#[derive(Debug)]
enum Rule {
    Weekly(Weekly),
    Cron(Box<CronWindow>),
    Span(Span),
    Yearly(Yearly),
}

impl Window {
    /// Parses the settings. Mistakes are recorded in `problems`, whose path is that of the window.
    pub(crate) fn parse(
        window: settings::Window,
        zone: &Zone,
        purpose: Purpose,
        problems: &mut Problems<'_>,
    ) -> Option<Self> {
        let (rule, label) = match (&window.weekly, &window.cron, &window.span, &window.yearly) {
            (Some(weekly), None, None, None) => (
                Weekly::parse(weekly, &mut problems.at("weekly")).map(Rule::Weekly),
                weekly_label(weekly),
            ),
            (None, Some(cron), None, None) => (
                CronWindow::parse(cron, &mut problems.at("cron")).map(|it| Rule::Cron(it.into())),
                format!("cron {} for {}", cron.schedule, cron.duration),
            ),
            (None, None, Some(span), None) => (
                Span::parse(span, zone, purpose, &mut problems.at("span")).map(Rule::Span),
                span_label(span),
            ),
            (None, None, None, Some(yearly)) => (
                Yearly::parse(yearly, &mut problems.at("yearly")).map(Rule::Yearly),
                format!("yearly {} to {}", yearly.from, yearly.to),
            ),
            _ => {
                return problems
                    .refuse("takes exactly one of `weekly`, `cron`, `span` and `yearly`");
            }
        };
        Some(Self {
            purpose,
            rule: rule?,
            label,
            reason: window.reason,
        })
    }

    /// Returns the first occurrence that ends after `now`; `None` where there is none.
    ///
    /// # Errors
    /// The search reached the end of the calendar.
    pub(crate) fn occurrence(
        &self,
        now: Moment,
        zone: &Zone,
    ) -> Result<Option<Occurrence>, ZoneError> {
        match &self.rule {
            Rule::Weekly(weekly) => weekly.occurrence(now, zone, self.purpose),
            Rule::Cron(cron) => cron.occurrence(now, zone),
            Rule::Span(span) => Ok(span.occurrence(now)),
            Rule::Yearly(yearly) => yearly.occurrence(now, zone, self.purpose),
        }
    }

    /// Returns the last instant at which this window changes; `None` where it recurs for ever.
    pub(crate) fn last_edge(&self) -> Option<Timestamp> {
        match &self.rule {
            Rule::Span(span) => Some(span.last_edge()),
            _ => None,
        }
    }

    /// Returns the window as it is in the settings, such as `weekly mon-fri 09:00 to 17:00`.
    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    /// Returns its reason, in the operator's words.
    pub(crate) fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }
}

fn weekly_label(weekly: &WeeklySettings) -> String {
    let days = match weekly.days.as_slice() {
        [] => "daily".to_owned(),
        days => format!("weekly {}", days.join(", ")),
    };
    format!("{days} {} to {}", weekly.from, weekly.to)
}

fn span_label(span: &SpanSettings) -> String {
    match (&span.start, &span.end) {
        (Some(start), Some(end)) => format!("{start} to {end}"),
        (Some(start), None) => format!("from {start} on"),
        (None, Some(end)) => format!("until {end}"),
        (None, None) => "always".to_owned(),
    }
}
