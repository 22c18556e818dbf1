//! Random schedules, as rules that are easy to check and as settings.

use fastrand::Rng;
use rollgate_sdk::jiff::SignedDuration;
use rollgate_sdk::jiff::civil::{Date, DateTime, Time, Weekday};
use rollgate_sdk::time::WeeklySettings;

use crate::settings::{CronSettings, Settings, SpanSettings, Window, YearlySettings};

/// A schedule.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) allow: Vec<Rule>,
    pub(super) deny: Vec<Rule>,
}

/// A window.
#[derive(Debug)]
pub(super) enum Rule {
    Weekly {
        days: Vec<Weekday>,
        from: Time,
        to: Time,
    },
    Cron {
        expression: &'static str,
        minutes: usize,
    },
    Span {
        from: DateTime,
        to: DateTime,
    },
    Days {
        from: Date,
        to: Date,
    },
}

const CRONS: [(&str, usize); 8] = [
    ("30 2 * * *", 45),
    ("0 3 * * *", 60),
    ("*/20 * * * *", 10),
    ("0 * * * *", 59),
    ("15 1-3 * * 0,6", 30),
    ("0 22 * * 5", 480),
    ("0 0 * * *", 90),
    ("45 23 * * sat", 120),
];

impl Plan {
    /// Up to two windows of each purpose, most edges near the hours at which clocks change.
    pub(super) fn random(rng: &mut Rng, shown: &[DateTime]) -> Self {
        let mut rules = |most| {
            (0..rng.usize(0..=most))
                .map(|_| Rule::random(rng, shown))
                .collect()
        };
        Self {
            allow: rules(2),
            deny: rules(2),
        }
    }

    pub(super) fn settings(&self, zone: &str) -> Settings {
        Settings {
            time_zone: zone.to_owned(),
            allow: self.allow.iter().map(Rule::window).collect(),
            deny: self.deny.iter().map(Rule::window).collect(),
        }
    }
}

impl Rule {
    fn random(rng: &mut Rng, shown: &[DateTime]) -> Self {
        let local = shown[rng.usize(0..shown.len())];
        match rng.u8(0..6) {
            0..3 => Self::weekly(rng),
            3 => {
                let (expression, minutes) = CRONS[rng.usize(0..CRONS.len())];
                Self::Cron {
                    expression,
                    minutes,
                }
            }
            4 => {
                let from = local.date().to_datetime(time(rng));
                let to = from + SignedDuration::from_mins(rng.i64(30..6_000));
                Self::Span { from, to }
            }
            _ => {
                let days = SignedDuration::from_hours(24 * rng.i64(0..4));
                Self::Days {
                    from: local.date(),
                    to: local.date() + days,
                }
            }
        }
    }

    fn weekly(rng: &mut Rng) -> Self {
        let from = time(rng);
        let to = std::iter::repeat_with(|| time(rng))
            .find(|to| *to != from)
            .expect("endless");
        let monday = std::iter::successors(Some(Weekday::Monday), |day| Some(day.next())).take(7);
        let mut days: Vec<_> = monday.filter(|_| rng.u8(0..3) > 0).collect();
        days.push(Weekday::Sunday);
        Self::Weekly { days, from, to }
    }

    fn window(&self) -> Window {
        let mut window = Window {
            reason: None,
            weekly: None,
            cron: None,
            span: None,
            yearly: None,
        };
        match self {
            Self::Weekly { days, from, to } => {
                let days = days.iter().map(|day| format!("{day:?}")).collect();
                let (from, to) = (hours(*from), hours(*to));
                window.weekly = Some(WeeklySettings { days, from, to });
            }
            Self::Cron {
                expression,
                minutes,
            } => {
                let (schedule, duration) = ((*expression).to_owned(), format!("{minutes}m"));
                window.cron = Some(CronSettings { schedule, duration });
            }
            Self::Span { from, to } => {
                let (start, end) = (Some(from.to_string()), Some(to.to_string()));
                window.span = Some(SpanSettings { start, end });
            }
            Self::Days { from, to } => {
                let day = |date: &Date| format!("{:02}-{:02}", date.month(), date.day());
                window.yearly = Some(YearlySettings {
                    from: day(from),
                    to: day(to),
                });
            }
        }
        window
    }
}

/// Mostly between 23:00 and 04:00, where clocks change, in steps of ten minutes.
fn time(rng: &mut Rng) -> Time {
    let hour = [23, 0, 1, 2, 3, 4, rng.i8(0..24)][rng.usize(0..7)];
    Time::new(hour, rng.i8(0..6) * 10, 0, 0).expect("a time of day")
}

fn hours(time: Time) -> String {
    format!("{:02}:{:02}", time.hour(), time.minute())
}
