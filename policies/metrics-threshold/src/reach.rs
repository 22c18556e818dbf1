//! Validates the bounds of ready-made checks: whether any measured value can break, or keep, them.

use rollgate_sdk::Problems;
use rollgate_sdk::threshold::Bounds;

use crate::settings::CheckSettings;

/// The measurement of a ready-made check, with its possible values.
#[derive(Clone, Copy)]
enum Measure {
    RequestRate,
    ErrorRatio,
    Latency,
    Utilization,
    Saturation,
}

/// Reports bounds that no value, or every value, would break, most often because of a wrong unit.
pub(crate) fn check(settings: &CheckSettings, bounds: Bounds, problems: &mut Problems<'_>) {
    let Some(measure) = Measure::of(settings) else {
        return;
    };
    if let Some(wrong) = bounds.min().and_then(|min| measure.wrong_min(min, bounds)) {
        problems.at("min").refuse::<()>(wrong);
    }
    if let Some(wrong) = bounds.max().and_then(|max| measure.wrong_max(max, bounds)) {
        problems.at("max").refuse::<()>(wrong);
    }
}

impl Measure {
    /// Returns `None` for a query, whose possible values only its author knows.
    fn of(settings: &CheckSettings) -> Option<Self> {
        let rate = settings.request_rate.as_ref().map(|_| Measure::RequestRate);
        let ratio = settings.error_ratio.as_ref().map(|_| Measure::ErrorRatio);
        let latency = settings.latency.as_ref().map(|_| Measure::Latency);
        let used = settings.utilization.as_ref().map(|_| Measure::Utilization);
        let waiting = settings.saturation.as_ref().map(|_| Measure::Saturation);
        rate.or(ratio).or(latency).or(used).or(waiting)
    }

    fn wrong_min(self, min: f64, bounds: Bounds) -> Option<String> {
        let measure = self.name();
        match self {
            _ if min < 0.0 => Some(format!(
                "no {measure} is below {min}, so no value breaks this bound; write {}",
                self.example()
            )),
            Self::ErrorRatio | Self::Saturation if min > 1.0 => Some(format!(
                "every {measure} is below {min}, as it lies between 0 and 1{}",
                percent(min)
            )),
            Self::ErrorRatio | Self::Saturation if min == 0.0 && bounds.max().is_none() => {
                Some(format!(
                    "no {measure} is below 0, so no value breaks this bound; give `max`, such as 0.01"
                ))
            }
            _ => None,
        }
    }

    fn wrong_max(self, max: f64, bounds: Bounds) -> Option<String> {
        let measure = self.name();
        let min_can_break = bounds.min().is_some_and(|min| min > 0.0);
        match self {
            _ if max < 0.0 => Some(format!(
                "every {measure} is above {max}: every value would break it; write {}",
                self.example()
            )),
            Self::ErrorRatio | Self::Saturation if max > 1.0 || (max >= 1.0 && !min_can_break) => {
                Some(format!(
                    "no {measure} is above {max}, as it lies between 0 and 1, so no value breaks this bound{}",
                    percent(max)
                ))
            }
            _ => None,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::RequestRate => "request rate",
            Self::ErrorRatio => "error ratio",
            Self::Latency => "latency",
            Self::Utilization => "utilization",
            Self::Saturation => "saturation",
        }
    }

    const fn example(self) -> &'static str {
        match self {
            Self::RequestRate => "requests per second, such as 10",
            Self::ErrorRatio => "a number from 0 to 1, such as 0.01",
            Self::Utilization | Self::Saturation => "a number such as 0.8",
            Self::Latency => "seconds, such as 0.5",
        }
    }
}

/// Suggests the ratio where percent were meant.
fn percent(bound: f64) -> String {
    if bound > 100.0 {
        return String::new();
    }
    let ratio = (bound * 10_000.0).round() / 1_000_000.0;
    format!("; for {bound} % write {ratio}")
}
