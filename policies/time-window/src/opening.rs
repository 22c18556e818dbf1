//! Searches for the next instant at which rollouts are allowed.

use rollgate_sdk::clock::ZoneError;
use rollgate_sdk::jiff::{SignedDuration, Timestamp};
use rollgate_sdk::time::{Occurrence, Zone};

use crate::schedule::Schedule;
use crate::window::Window;

/// The result of the search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opening<'a> {
    /// The first instant at which rollouts are allowed.
    At(Timestamp),
    /// There is none.
    Never(Obstacle<'a>),
    /// There is none before this instant, at which the search ended.
    NotBefore(Timestamp),
}

/// Why there is no opening, so that the owner of the schedule must change it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Obstacle<'a> {
    /// A freeze has no end; its label.
    EndlessFreeze(&'a str),
    /// Each freeze starts before the previous one ends.
    FreezesFollowEachOther,
    /// All allowed windows are over.
    NoWindowLeft,
    /// Every allowed window lies inside freezes.
    WindowsFrozen,
}

/// The number of occurrences after which the search ends without a result, so that it takes far
/// less than the time of an evaluation. Daily windows and freezes that cover each other last for
/// two years until then, weekly ones for fourteen. A freeze without interruption is one occurrence,
/// however long.
const MOST_LOOKUPS: u32 = 1_500;

/// After this time, nothing new can come. The calendar repeats itself after 400 years, weekdays
/// included, and so do the zones' rules after the changes that the tz database lists individually,
/// which end in less than 100 years (Morocco's in 2087).
const REPEATS: SignedDuration = SignedDuration::from_hours(500 * 366 * 24);

/// Returns the first instant at or after `now` that is inside an allowed window and outside all
/// freezes.
///
/// Each step moves to where something changes: to the end of the active freezes, or to the next
/// start of an allowed window. Both are exact, so the first instant that passes is the result.
///
/// # Errors
/// The search reached the end of the calendar.
pub(crate) fn next_opening(schedule: &Schedule, now: Timestamp) -> Result<Opening<'_>, ZoneError> {
    let mut search = Search::new(schedule);
    let windows = schedule.allow.iter().chain(&schedule.freezes);
    let last_edge = windows
        .filter_map(Window::last_edge)
        .fold(now, Timestamp::max);
    let horizon = last_edge.checked_add(REPEATS).unwrap_or(Timestamp::MAX);
    let mut at = now;
    while at <= horizon {
        match search.step(at)? {
            Step::Open => return Ok(Opening::At(at)),
            Step::Leap(next) => at = next,
            Step::Never(obstacle) => return Ok(Opening::Never(obstacle)),
        }
        if search.lookups > MOST_LOOKUPS {
            return Ok(Opening::NotBefore(at));
        }
    }
    Ok(Opening::Never(if schedule.allow.is_empty() {
        Obstacle::FreezesFollowEachOther
    } else {
        Obstacle::WindowsFrozen
    }))
}

enum Step<'a> {
    Open,
    Leap(Timestamp),
    Never(Obstacle<'a>),
}

struct Search<'a> {
    zone: &'a Zone,
    allow: Vec<Track<'a>>,
    freezes: Vec<Track<'a>>,
    lookups: u32,
}

/// A window with its first occurrence that ends after the instant of the last step. It remains the
/// first one until a step reaches its end.
struct Track<'a> {
    window: &'a Window,
    known: Known,
}

#[derive(Clone, Copy)]
enum Known {
    Nothing,
    Next(Occurrence),
    NoneLeft,
}

impl<'a> Search<'a> {
    fn new(schedule: &'a Schedule) -> Self {
        let tracks = |windows: &'a [Window]| {
            let track = |window| Track {
                window,
                known: Known::Nothing,
            };
            windows.iter().map(track).collect()
        };
        Self {
            zone: &schedule.zone,
            allow: tracks(&schedule.allow),
            freezes: tracks(&schedule.freezes),
            lookups: 0,
        }
    }

    fn step(&mut self, at: Timestamp) -> Result<Step<'a>, ZoneError> {
        let mut thawed = None;
        for track in &mut self.freezes {
            let next = track.at(at, self.zone, &mut self.lookups)?;
            match next.filter(|freeze| freeze.contains(at)) {
                Some(Occurrence { end: None, .. }) => {
                    let label = track.window.label();
                    return Ok(Step::Never(Obstacle::EndlessFreeze(label)));
                }
                Some(Occurrence { end, .. }) => thawed = thawed.max(end),
                None => {}
            }
        }
        match thawed {
            Some(thawed) => Ok(Step::Leap(thawed)),
            None if self.allow.is_empty() => Ok(Step::Open),
            None => self.step_allowed(at),
        }
    }

    fn step_allowed(&mut self, at: Timestamp) -> Result<Step<'a>, ZoneError> {
        let mut opens = None;
        for track in &mut self.allow {
            let Some(next) = track.at(at, self.zone, &mut self.lookups)? else {
                continue;
            };
            if next.contains(at) {
                return Ok(Step::Open);
            }
            opens = Some(opens.map_or(next.start, |opens: Timestamp| opens.min(next.start)));
        }
        Ok(opens.map_or(Step::Never(Obstacle::NoWindowLeft), Step::Leap))
    }
}

impl Track<'_> {
    fn at(
        &mut self,
        at: Timestamp,
        zone: &Zone,
        lookups: &mut u32,
    ) -> Result<Option<Occurrence>, ZoneError> {
        match self.known {
            Known::Next(next) if next.ends_after(at) => return Ok(Some(next)),
            Known::NoneLeft => return Ok(None),
            Known::Next(_) | Known::Nothing => {}
        }
        *lookups += 1;
        let next = self.window.occurrence(zone.moment(at)?, zone)?;
        self.known = next.map_or(Known::NoneLeft, Known::Next);
        Ok(next)
    }
}
