//! Random schedules around the days on which clocks change, compared with a clock that is read
//! minute by minute: what is open, and when the next opening comes.

use fastrand::Rng;
use jiff::tz::TimeZone;
use rollgate_sdk::jiff::civil::{Date, DateTime};
use rollgate_sdk::jiff::{self, SignedDuration, Timestamp};

use super::random::{Plan, Rule};
use crate::opening::{Opening, next_opening};
use crate::schedule::Schedule;

const DAYS: i64 = 16;
const SCHEDULES: usize = 30;
const LOOKS: usize = 20;

#[test]
fn schedules_match_the_model_when_berlin_goes_forward() {
    compare("Europe/Berlin", "2026-03-21T00:00Z");
}

#[test]
fn schedules_match_the_model_when_berlin_goes_back() {
    compare("Europe/Berlin", "2026-10-17T00:00Z");
}

#[test]
fn schedules_match_the_model_when_new_york_goes_forward() {
    compare("America/New_York", "2026-02-28T00:00Z");
}

#[test]
fn schedules_match_the_model_when_new_york_goes_back() {
    compare("America/New_York", "2026-10-24T00:00Z");
}

#[test]
fn schedules_match_the_model_when_lord_howe_goes_forward() {
    compare("Australia/Lord_Howe", "2026-09-26T00:00Z");
}

#[test]
fn schedules_match_the_model_when_lord_howe_goes_back() {
    compare("Australia/Lord_Howe", "2026-03-28T00:00Z");
}

#[test]
fn schedules_match_the_model_when_sao_paulo_skips_midnight() {
    compare("America/Sao_Paulo", "2018-10-27T00:00Z");
}

#[test]
fn schedules_match_the_model_when_sao_paulo_repeats_an_hour() {
    compare("America/Sao_Paulo", "2018-02-10T00:00Z");
}

#[test]
fn schedules_match_the_model_when_apia_skips_a_day() {
    compare("Pacific/Apia", "2011-12-22T00:00Z");
}

#[test]
fn schedules_match_the_model_when_casablanca_changes_twice() {
    compare("Africa/Casablanca", "2026-02-10T00:00Z");
}

/// The local time of each minute.
struct Clock {
    start: Timestamp,
    shown: Vec<DateTime>,
}

impl Clock {
    fn read(zone: &str, start: &str) -> Self {
        let start: Timestamp = super::at(start);
        let zone = TimeZone::get(zone).expect("a bundled zone");
        let minutes = 0..DAYS * 24 * 60;
        let shown =
            minutes.map(|minute| zone.to_datetime(start + SignedDuration::from_mins(minute)));
        Self {
            start,
            shown: shown.collect(),
        }
    }

    fn at(&self, minute: usize) -> Timestamp {
        self.start + SignedDuration::from_mins(i64::try_from(minute).expect("small"))
    }

    /// Returns the minute at which the clock first shows `local` or later.
    fn first_reach(&self, local: DateTime) -> usize {
        self.shown
            .iter()
            .position(|shown| *shown >= local)
            .unwrap_or(self.shown.len())
    }

    /// Returns the last minute at which the clock shows `local`, or the first later one where it
    /// never does.
    fn last_reach(&self, local: DateTime) -> usize {
        let last = self.shown.iter().rposition(|shown| *shown == local);
        last.unwrap_or_else(|| self.first_reach(local))
    }

    fn dates(&self) -> impl Iterator<Item = Date> {
        let first = self.shown[0].date().yesterday().expect("not the first day");
        first
            .series(jiff::Span::new().days(1))
            .take(usize::try_from(DAYS).expect("small") + 3)
    }

    /// Marks the minutes that are inside `rule`.
    fn mark(&self, rule: &Rule, freeze: Freeze, inside: &mut [bool]) {
        let mut between = |from: DateTime, to: DateTime| {
            let end = match freeze {
                Freeze::Yes => self.last_reach(to),
                Freeze::No => self.first_reach(to),
            };
            // The clocks can skip a whole window.
            let start = self.first_reach(from).min(end);
            inside[start..end].fill(true);
        };
        match rule {
            Rule::Weekly { days, from, to } => {
                for date in self.dates().filter(|date| days.contains(&date.weekday())) {
                    let end = if to > from {
                        date
                    } else {
                        date.tomorrow().expect("not the last day")
                    };
                    between(date.to_datetime(*from), end.to_datetime(*to));
                }
            }
            Rule::Span { from, to } => between(*from, *to),
            Rule::Days { from, to } => {
                let end = to.tomorrow().expect("not the last day");
                between((*from).into(), end.into());
            }
            Rule::Cron {
                expression,
                minutes,
            } => {
                for start in self.cron_starts(expression) {
                    let end = (start + minutes).min(inside.len());
                    inside[start..end].fill(true);
                }
            }
        }
    }

    /// Returns the minutes with a time of the expression, and those that skip one.
    fn cron_starts(&self, expression: &str) -> Vec<usize> {
        let cron: croner::Cron = expression.parse().expect("a cron expression");
        let names = |local: &DateTime| cron.is_time_matching(local).expect("a date");
        let minute = SignedDuration::from_mins(1);
        let starts = |index: &usize| {
            let before = index
                .checked_sub(1)
                .map_or(self.shown[*index] - minute, |i| self.shown[i]);
            let mut skipped =
                std::iter::successors(Some(before + minute), |last| Some(*last + minute))
                    .take_while(|local| *local < self.shown[*index]);
            names(&self.shown[*index]) || skipped.any(|local| names(&local))
        };
        (0..self.shown.len()).filter(starts).collect()
    }

    fn open(&self, plan: &Plan) -> Vec<bool> {
        let mut allowed = vec![plan.allow.is_empty(); self.shown.len()];
        let mut frozen = vec![false; self.shown.len()];
        plan.allow
            .iter()
            .for_each(|rule| self.mark(rule, Freeze::No, &mut allowed));
        plan.deny
            .iter()
            .for_each(|rule| self.mark(rule, Freeze::Yes, &mut frozen));
        allowed
            .into_iter()
            .zip(frozen)
            .map(|(allowed, frozen)| allowed && !frozen)
            .collect()
    }
}

#[derive(Clone, Copy)]
enum Freeze {
    Yes,
    No,
}

/// The slow model does not see cron windows that started before its first minute, and the last days
/// are needed for the search of the next opening.
const WARM_UP: usize = 2 * 24 * 60;
const LAST_LOOK: usize = 12 * 24 * 60;

fn compare(zone: &str, start: &str) {
    let clock = Clock::read(zone, start);
    let mut rng = Rng::with_seed(20_260_101);
    for round in 0..SCHEDULES {
        let plan = Plan::random(&mut rng, &clock.shown);
        let schedule = Schedule::parse(plan.settings(zone)).expect("sound settings");
        let case = Case {
            schedule,
            clock: &clock,
            open: clock.open(&plan),
            plan,
        };
        let changes = |minute: &usize| case.open[*minute] != case.open[minute - 1];
        let edges: Vec<_> = (WARM_UP..LAST_LOOK).filter(changes).take(12).collect();
        let looks = std::iter::repeat_with(|| rng.usize(WARM_UP..LAST_LOOK)).take(LOOKS);
        for minute in edges.iter().flat_map(|edge| [edge - 1, *edge]).chain(looks) {
            case.look(minute);
        }
        if round == 0 {
            case.search_in_vain();
        }
    }
}

/// A random schedule, and the slow model of it, minute by minute.
struct Case<'a> {
    schedule: Schedule,
    clock: &'a Clock,
    open: Vec<bool>,
    plan: Plan,
}

impl Case<'_> {
    fn look(&self, minute: usize) {
        let now = self.clock.at(minute) + SignedDuration::from_millis(59_999);
        let state = self.schedule.state(now).expect("inside the calendar");
        assert_eq!(
            state.is_open(),
            self.open[minute],
            "{}",
            self.context(minute)
        );
        let next = self.open.iter().skip(minute).position(|open| *open);
        if let Some(wait @ 1..) = next {
            let found = next_opening(&self.schedule, now).expect("inside the calendar");
            let expected = Opening::At(self.clock.at(minute + wait));
            assert_eq!(found, expected, "{}", self.context(minute));
        }
    }

    /// Where nothing opens in the time of the model, the search must find nothing there. This is
    /// slow, so it runs once for each clock.
    fn search_in_vain(&self) {
        let Some(last) = self.open.iter().rposition(|open| *open) else {
            return;
        };
        if last + 1 < self.open.len() {
            let now = self.clock.at(last + 1);
            let found = next_opening(&self.schedule, now).expect("inside the calendar");
            let end = self.clock.at(self.open.len());
            assert!(
                !matches!(found, Opening::At(at) if at < end),
                "{found:?} {}",
                self.context(last)
            );
        }
    }

    fn context(&self, minute: usize) -> String {
        format!(
            "when the clock shows {}: {:#?}",
            self.clock.shown[minute], self.plan
        )
    }
}
