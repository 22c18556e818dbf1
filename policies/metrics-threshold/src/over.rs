//! Bounds that must have held during the last minutes.

use std::collections::BTreeSet;
use std::time::Duration;

use rollgate_sdk::Problems;
use rollgate_sdk::jiff::{SignedDuration, Timestamp};
use rollgate_sdk::metrics::{Point, Sample, Series};

use crate::duration;
use crate::settings::CheckSettings;

/// The last minutes, looked at in steps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Over {
    length: SignedDuration,
    step: SignedDuration,
}

/// More would be a load for the source, and a finer look than samples are taken.
const MOST_POINTS: i64 = 1_000;

impl Over {
    /// Reads `over` and `step`; `Ok(None)` where the check looks at the value now.
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

    /// The first instant looked at.
    pub(crate) fn start(self, now: Timestamp) -> Timestamp {
        now.checked_sub(self.length).unwrap_or(Timestamp::MIN)
    }

    /// The distance between two points.
    pub(crate) fn step(self) -> Duration {
        self.step.unsigned_abs()
    }

    /// How many points have no data in any series, where there are some; an answer without series
    /// has none at all.
    pub(crate) fn gaps(self, series: &[Series]) -> Option<String> {
        let expected = self.length.as_secs() / self.step.as_secs() + 1;
        let points = series.iter().flat_map(|series| &series.points);
        let seen = points.map(|point| point.at).collect::<BTreeSet<_>>().len();
        let missing = expected.saturating_sub(i64::try_from(seen).unwrap_or(i64::MAX));
        (missing > 0).then(|| format!("No data at {missing} of the {expected} points {self}"))
    }

    /// Each series as its worst point, with the time of its last.
    pub(crate) fn worst(self, series: Vec<Series>, range: Range) -> Vec<Sample> {
        let sample = |series: Series| {
            let at = series.points.last()?.at;
            let value = range.worst(&series.points)?;
            Some(Sample {
                labels: series.labels,
                value,
                at,
            })
        };
        series.into_iter().filter_map(sample).collect()
    }
}

impl std::fmt::Display for Over {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "of the last {:#}", self.length)
    }
}

/// The bounds, as far as which of many values comes closest to breaking them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Range {
    pub(crate) min: Option<f64>,
    pub(crate) max: Option<f64>,
}

impl Range {
    /// NaN where a point is; the greatest value where it is above `max` or there is no `min`; else
    /// the least. `None` where there are no points.
    fn worst(self, points: &[Point]) -> Option<f64> {
        let values = || points.iter().map(|point| point.value);
        if values().any(f64::is_nan) {
            return Some(f64::NAN);
        }
        let greatest = values().reduce(f64::max)?;
        match self.min {
            Some(_) if self.max.is_none_or(|max| greatest <= max) => values().reduce(f64::min),
            _ => Some(greatest),
        }
    }
}
