//! Bounds that must have held during the last minutes.

use std::collections::BTreeSet;
use std::time::Duration;

use rollgate_sdk::jiff::{SignedDuration, Timestamp};
use rollgate_sdk::metrics::{Sample, Series};
use rollgate_sdk::threshold::Bounds;
use rollgate_sdk::{Problems, duration};

use crate::settings::CheckSettings;

/// The last minutes, and the step between the points that are evaluated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Over {
    length: SignedDuration,
    step: SignedDuration,
}

/// More would be a load for the source, and finer than the samples are taken.
const MOST_POINTS: i64 = 1_000;

impl Over {
    /// Parses `over` and `step`; returns `Ok(None)` where the check evaluates the value now.
    pub(crate) fn parse(
        check: &CheckSettings,
        problems: &mut Problems<'_>,
    ) -> Option<Option<Self>> {
        let Some(over) = &check.over else {
            return match &check.step {
                None => Some(None),
                Some(_) => problems
                    .at("step")
                    .refuse("is only for `over`, which is not set"),
            };
        };
        let length = problems.at("over").keep(duration::parse(over))?;
        let step = match &check.step {
            Some(step) => problems.at("step").keep(duration::parse(step))?,
            None => SignedDuration::from_secs((length.as_secs() / 20).max(1)),
        };
        if step > length || length.as_secs() / step.as_secs() > MOST_POINTS {
            return problems.at("step").refuse(format!(
                "cuts `over` into too many points or none; take a step from {}s to {}s",
                (length.as_secs() / MOST_POINTS).max(1),
                length.as_secs()
            ));
        }
        Some(Some(Self { length, step }))
    }

    /// Returns the first instant that is evaluated.
    pub(crate) fn start(self, now: Timestamp) -> Timestamp {
        now.checked_sub(self.length).unwrap_or(Timestamp::MIN)
    }

    /// Returns the distance between two points.
    pub(crate) fn step(self) -> Duration {
        self.step.unsigned_abs()
    }

    /// Summarizes the result of a range query: the points without data, those that are NaN, and the
    /// worst value of each series.
    pub(crate) fn read(self, series: Vec<Series>, bounds: Bounds) -> Seen {
        let gap = self.gap(&series);
        let mut seen = Seen {
            worst: Vec::new(),
            not_numbers: Vec::new(),
            gap,
        };
        for Series { labels, points } in series {
            let Some(last) = points.last() else {
                continue;
            };
            let of = points.len();
            let numbers: Vec<f64> = points
                .iter()
                .map(|point| point.value)
                .filter(|value| !value.is_nan())
                .collect();
            let missing = of - numbers.len();
            if missing > 0 && missing < of {
                let when = format!("at {missing} of its {of} points {self}");
                seen.not_numbers.push((labels.clone(), when));
            }
            seen.worst.push(Sample {
                labels,
                value: worst(&numbers, bounds).unwrap_or(f64::NAN),
                at: last.at,
            });
        }
        seen
    }

    /// Describes at how many points no series has data, if there are any; without series, at all.
    fn gap(self, series: &[Series]) -> Option<String> {
        let expected = self.length.as_secs() / self.step.as_secs() + 1;
        let points = series.iter().flat_map(|series| &series.points);
        let seen = points.map(|point| point.at).collect::<BTreeSet<_>>().len();
        let missing = expected.saturating_sub(i64::try_from(seen).unwrap_or(i64::MAX));
        (missing > 0).then(|| format!("at {missing} of the {expected} points {self}"))
    }
}

/// The summary of a range query.
pub(crate) struct Seen {
    /// Each series with its worst value and the time of its last point; NaN where it has no value.
    pub(crate) worst: Vec<Sample>,
    /// The series that have values and also points that are NaN, and the number of those.
    pub(crate) not_numbers: Vec<(Vec<(String, String)>, String)>,
    /// The number of points without data.
    pub(crate) gap: Option<String>,
}

impl std::fmt::Display for Over {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "of the last {:#}", self.length)
    }
}

/// Returns the value that is closest to breaking the bounds: the greatest where it is above `max`
/// or there is no `min`, else the least. `None` without values.
fn worst(numbers: &[f64], bounds: Bounds) -> Option<f64> {
    let numbers = || numbers.iter().copied();
    let greatest = numbers().reduce(f64::max)?;
    match bounds.min() {
        Some(_) if bounds.max().is_none_or(|max| greatest <= max) => numbers().reduce(f64::min),
        _ => Some(greatest),
    }
}
