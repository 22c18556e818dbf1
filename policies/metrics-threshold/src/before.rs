//! Bounds that are relative to an earlier value of the same series.

use rollgate_sdk::jiff::{SignedDuration, Timestamp};
use rollgate_sdk::metrics::{self, Sample};
use rollgate_sdk::status::{self, Started, WorkloadKind};
use rollgate_sdk::threshold::{Bounds, NoValue, Threshold};
use rollgate_sdk::{Combined, Failure, Problems, Verdict, Workload, duration};

use crate::settings::CheckSettings;

/// The instant of the earlier value, and what is allowed in proportion to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Before {
    at: At,
    max_times: Option<f64>,
    min_times: Option<f64>,
    ignore_below: Option<f64>,
}

#[derive(Clone, Copy, Debug)]
enum At {
    /// When the running version was rolled out.
    Rollout,
    Ago(SignedDuration),
}

impl Before {
    /// Parses `before`; returns `Ok(None)` where the bounds are absolute.
    pub(crate) fn parse(
        check: &CheckSettings,
        problems: &mut Problems<'_>,
    ) -> Option<Option<Self>> {
        let Some(before) = &check.before else {
            return Some(None);
        };
        let mut problems = problems.at("before");
        if check.min.is_some() || check.max.is_some() || check.over.is_some() {
            return problems.refuse("goes without `min`, `max` and `over`; write two checks");
        }
        let at = match before.at.as_str() {
            "rollout" => Some(At::Rollout),
            ago => problems.at("at").keep(duration::parse(ago)).map(At::Ago),
        };
        if before.max_times.is_none() && before.min_times.is_none() {
            return problems.refuse("gives no bound: write `maxTimes`, `minTimes` or both");
        }
        for (field, value) in [
            ("maxTimes", before.max_times),
            ("minTimes", before.min_times),
            ("ignoreBelow", before.ignore_below),
        ] {
            if value.is_some_and(|value| !(value > 0.0 && value.is_finite())) {
                return problems.at(field).refuse("must be above 0");
            }
        }
        let crossed = before.min_times.zip(before.max_times);
        if crossed.is_some_and(|(min, max)| min > max) {
            return problems.refuse("has a `minTimes` above its `maxTimes`: no value would pass");
        }
        Some(Some(Self {
            at: at?,
            max_times: before.max_times,
            min_times: before.min_times,
            ignore_below: before.ignore_below,
        }))
    }

    /// Returns the bounds that stand for the comparison until the earlier value is known, for cases
    /// without a value.
    pub(crate) fn placeholder(self) -> Option<Bounds> {
        Bounds::new(self.min_times, self.max_times).ok()
    }

    /// Evaluates samples with the bounds that follow from the earlier values.
    ///
    /// # Errors
    /// The earlier values are not known, and the settings say that the policy fails then.
    pub(crate) fn evaluate(
        self,
        threshold: &Threshold,
        samples: Vec<Sample>,
        asked: &Asked<'_>,
        now: Timestamp,
    ) -> Result<Verdict, Failure> {
        let missing = |why, message: String| self.without_value(threshold, why, message);
        let at = match self.instant(asked.workload, now) {
            Ok(at) => at,
            Err(why) => {
                let name = &threshold.name;
                let message = format!("{name} has no earlier value to compare with: {why}");
                return missing(NoValue::NoData, message);
            }
        };
        let earlier = match metrics::query_at(asked.source, asked.query, at) {
            Ok(earlier) => earlier,
            Err(error) => {
                let message = format!("{} at {at} could not be measured: {error}", threshold.name);
                return missing(NoValue::Error, message);
            }
        };
        let mut combined = Combined::new();
        for sample in samples {
            let series = threshold.series_name(&sample.labels);
            let value = earlier.iter().find(|old| old.labels == sample.labels);
            let bounds = value.and_then(|old| self.bounds(old.value));
            match (value, bounds) {
                (None, _) => {
                    let message = format!("{series} had no value at {at}");
                    combined.add(missing(NoValue::NoData, message));
                }
                (Some(_), None) => {
                    let message = format!("{series} was no number that can be compared at {at}");
                    combined.add(missing(NoValue::NotANumber, message));
                }
                (Some(_), Some(bounds)) => {
                    let threshold = Threshold {
                        bounds,
                        ..threshold.clone()
                    };
                    combined.add(threshold.evaluate(Ok(vec![sample]), now));
                }
            }
        }
        combined.finish()
    }

    /// Returns the result for a missing value: what was expected is relative.
    fn without_value(
        self,
        threshold: &Threshold,
        why: NoValue,
        message: String,
    ) -> Result<Verdict, Failure> {
        let mut verdict = threshold.without_value(why, message)?;
        for finding in &mut verdict.findings {
            finding.expected = Some(format!("{} times the earlier value", threshold.bounds));
        }
        Ok(verdict)
    }

    fn bounds(self, earlier: f64) -> Option<Bounds> {
        let floor = self.ignore_below.unwrap_or(f64::NEG_INFINITY);
        let max = self.max_times.map(|times| (earlier * times).max(floor));
        let min = self.min_times.map(|times| earlier * times);
        (!earlier.is_nan()).then(|| Bounds::new(min, max).ok())?
    }

    /// Returns the instant of the earlier value; or why it is not known.
    fn instant(self, workload: &Workload, now: Timestamp) -> Result<Timestamp, String> {
        match self.at {
            At::Ago(ago) => now.checked_sub(ago).map_err(|error| error.to_string()),
            At::Rollout => rolled_out(workload),
        }
    }
}

/// What is queried, and for which workload.
pub(crate) struct Asked<'a> {
    pub(crate) source: &'a str,
    pub(crate) query: &'a str,
    pub(crate) workload: &'a Workload,
}

fn rolled_out(workload: &Workload) -> Result<Timestamp, String> {
    let kind = WorkloadKind::of(&workload.kind());
    let kind = kind.ok_or_else(|| format!("a {} has no rollouts", workload.kind()))?;
    let found = status::workload(kind, &workload.namespace(), &workload.name())
        .map_err(|error| error.to_string())?;
    let running = found.ok_or_else(|| "no version is running".to_owned())?;
    match status::rollout_started(&running).map_err(|error| error.to_string())? {
        Started::At(at) => Ok(at),
        Started::ByRollback => Err("the running version was rolled back to".to_owned()),
        Started::Unknown => Err("nothing shows when it was rolled out".to_owned()),
    }
}
