//! Compares measured values with bounds, and requires a decision for every case without a value.
//!
//! A metric can be absent, NaN, stale or unavailable, and each of these cases has let bad rollouts
//! through somewhere. So [`Threshold`] has no defaults for them: the author, or the operator
//! through the settings, decides what each means.

use crate::metrics::{MetricsError, Sample};
use crate::{Combined, Evidence, Failure, Finding, Severity, Verdict};
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A bound on measured values, and what happens when there is no value to compare.
///
/// A value out of bounds always counts, whatever other series are NaN, missing or stale: those may
/// make the verdict stricter, and never weaken it.
///
/// ```
/// use rollgate_sdk::Severity;
/// use rollgate_sdk::jiff::{SignedDuration, Timestamp};
/// use rollgate_sdk::metrics::Sample;
/// use rollgate_sdk::threshold::{Answer, Answers, Bounds, Threshold};
///
/// let error_ratio = Threshold {
///     name: "error-ratio".to_owned(),
///     bounds: Bounds::new(None, Some(0.01))?,
///     breach: Severity::Hold,
///     max_age: SignedDuration::from_mins(2),
///     answers: Answers {
///         no_data: Answer::Allow, // no requests, so no errors
///         nan: Answer::Allow,
///         stale: Answer::Hold,
///         error: Answer::Fail,
///     },
/// };
/// let now: Timestamp = "2026-03-01T10:00:00Z".parse()?;
/// let measured = vec![Sample { labels: vec![], value: 0.2, at: now }];
/// let verdict = error_ratio.evaluate(Ok(measured), now)?;
/// assert_eq!(verdict.findings[0].message, "error-ratio is 0.2, which is above 0.01");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    /// The name of the measurement, which is the rule of the findings and the name of the evidence.
    pub name: String,
    /// The bounds, which every series must keep.
    pub bounds: Bounds,
    /// The severity of a value out of bounds.
    pub breach: Severity,
    /// How far a sample's timestamp may be from the instant of the review before the sample is
    /// stale.
    pub max_age: SignedDuration,
    /// What happens when there is no value.
    pub answers: Answers,
}

/// What happens when there is no value to compare. Can be part of settings; no field has a default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(description = "What it means when there is no proper value.")]
pub struct Answers {
    /// The query returns no series.
    pub no_data: Answer,
    /// The value of a series is NaN, most often a ratio of zero to zero.
    pub nan: Answer,
    /// A sample is too old.
    pub stale: Answer,
    /// The query fails.
    pub error: Answer,
}

/// What happens when there is no value. Can be part of settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(description = "What happens when there is no value.")]
pub enum Answer {
    /// The rollout is allowed, with a note.
    Allow,
    /// The rollout is allowed, with a warning.
    Warn,
    /// The rollout is blocked for now.
    Hold,
    /// The rollout is denied.
    Deny,
    /// The policy fails: the operator's `onError` decides.
    Fail,
}

/// Why there is no value. [`Answers`] decides what happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NoValue {
    /// There is no data.
    NoData,
    /// A value is NaN.
    NotANumber,
    /// A sample is too old.
    Stale,
    /// The query failed.
    Error,
}

impl Answers {
    /// Returns what happens in this case.
    #[must_use]
    pub const fn to(self, why: NoValue) -> Answer {
        match why {
            NoValue::NoData => self.no_data,
            NoValue::NotANumber => self.nan,
            NoValue::Stale => self.stale,
            NoValue::Error => self.error,
        }
    }
}

impl Threshold {
    /// Evaluates the result of a query, at the instant `now` of the review. The evidence has every
    /// value, with its bound and timestamp.
    ///
    /// # Errors
    /// There is no value, the [`Answer`] to that is [`Answer::Fail`], and no other value leads to a
    /// hold or denial.
    pub fn evaluate(
        &self,
        measured: Result<Vec<Sample>, MetricsError>,
        now: Timestamp,
    ) -> Result<Verdict, Failure> {
        match measured {
            Err(error) => self.without_value(
                NoValue::Error,
                format!("{} could not be measured: {error}", self.name),
            ),
            Ok(samples) if samples.is_empty() => {
                self.without_value(NoValue::NoData, format!("{} has no data", self.name))
            }
            Ok(samples) => {
                let mut combined = Combined::new();
                for sample in &samples {
                    self.evaluate_sample(sample, now, &mut combined);
                }
                combined.finish()
            }
        }
    }

    /// Returns the result for a case without a value that only the caller can see, such as a gap in
    /// a range. Add it to the other results with [`Combined`].
    ///
    /// # Errors
    /// The answer is [`Answer::Fail`].
    pub fn without_value(
        &self,
        why: NoValue,
        message: impl Into<String>,
    ) -> Result<Verdict, Failure> {
        let severity = match self.answers.to(why) {
            Answer::Fail if why == NoValue::Error => return Err(Failure::source(message)),
            Answer::Fail => return Err(Failure::no_data(message)),
            Answer::Allow => Severity::Info,
            Answer::Warn => Severity::Warn,
            Answer::Hold => Severity::Hold,
            Answer::Deny => Severity::Deny,
        };
        let finding = Finding::new(severity, &self.name, "", message).expected(self.bounds);
        Ok(Verdict::allow().with_finding(finding))
    }

    /// Returns the name of a series for people: `name{label="value"}`, or the name alone without
    /// labels.
    #[must_use]
    pub fn series_name(&self, labels: &[(String, String)]) -> String {
        series_name(&self.name, labels)
    }

    /// A stale value out of bounds is both stale and a breach: its age must not excuse it where the
    /// answer to staleness is `allow` or `warn`.
    fn evaluate_sample(&self, sample: &Sample, now: Timestamp, combined: &mut Combined) {
        let value = sample.value;
        let series = self.series_name(&sample.labels);
        let evidence = Evidence::new(&series, value)
            .bound(self.bounds.to_string())
            .at(sample.at);
        combined.add(Ok(Verdict::allow().with_evidence(evidence)));
        if let Some(breach) = self.bounds.breach(value) {
            let message = format!("{series} is {value}, which is {breach}");
            let finding = Finding::new(self.breach, &self.name, "", message);
            let finding = finding.found(value).expected(self.bounds);
            combined.add(Ok(Verdict::allow().with_finding(finding)));
        }
        if let Some(message) = self.stale(sample, &series, now) {
            combined.add(self.without_value(NoValue::Stale, message));
        } else if value.is_nan() {
            let message = format!("{series} is not a number (NaN)");
            combined.add(self.without_value(NoValue::NotANumber, message));
        }
    }

    /// Describes what is wrong with a sample's age. A timestamp far in the future is as wrong as an
    /// old one: a clock is off.
    fn stale(&self, sample: &Sample, series: &str, now: Timestamp) -> Option<String> {
        let age = now.duration_since(sample.at);
        let side = if age.is_negative() { "after" } else { "before" };
        (age.abs() > self.max_age).then(|| {
            format!(
                "{series} is stale: its timestamp lies {:#} {side} this review, and at most {:#} is fresh",
                age.abs(),
                self.max_age
            )
        })
    }
}

/// Formats a series as `name{label="value", …}`, or the name alone without labels.
fn series_name(name: &str, labels: &[(String, String)]) -> String {
    if labels.is_empty() {
        return name.to_owned();
    }
    let labels: Vec<_> = labels
        .iter()
        .map(|(key, value)| format!("{key}={value:?}"))
        .collect();
    format!("{name}{{{}}}", labels.join(", "))
}

/// The lower and the upper bound of a value, both included. At least one is set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    min: Option<f64>,
    max: Option<f64>,
}

/// Why bounds are invalid: every value, or none, would keep them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BoundsError {
    /// Neither `min` nor `max` is given.
    Missing,
    /// A bound is NaN.
    NotANumber,
    /// A bound is infinite, so that every value, or none, would keep it.
    Infinite,
    /// `min` is above `max`.
    Crossed,
}

impl Bounds {
    /// Creates bounds from a minimum and a maximum.
    ///
    /// # Errors
    /// Every value, or none, would keep the bounds.
    pub fn new(min: Option<f64>, max: Option<f64>) -> Result<Self, BoundsError> {
        let any = |is: fn(f64) -> bool| min.is_some_and(is) || max.is_some_and(is);
        match (min, max) {
            (None, None) => Err(BoundsError::Missing),
            _ if any(f64::is_nan) => Err(BoundsError::NotANumber),
            _ if any(f64::is_infinite) => Err(BoundsError::Infinite),
            (Some(min), Some(max)) if min > max => Err(BoundsError::Crossed),
            _ => Ok(Self { min, max }),
        }
    }

    /// Returns the minimum.
    #[must_use]
    pub const fn min(self) -> Option<f64> {
        self.min
    }

    /// Returns the maximum.
    #[must_use]
    pub const fn max(self) -> Option<f64> {
        self.max
    }

    /// Describes how a number breaks the bounds; `None` where it keeps them.
    fn breach(self, value: f64) -> Option<String> {
        match (self.min, self.max) {
            (Some(min), _) if value < min => Some(format!("below {min}")),
            (_, Some(max)) if value > max => Some(format!("above {max}")),
            _ => None,
        }
    }
}

impl std::fmt::Display for Bounds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.min, self.max) {
            (Some(min), Some(max)) => write!(f, "{min} to {max}"),
            (Some(min), None) => write!(f, ">= {min}"),
            (None, Some(max)) => write!(f, "<= {max}"),
            (None, None) => Ok(()),
        }
    }
}

impl std::fmt::Display for BoundsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Missing => "give `min`, `max` or both: without a bound every value would pass",
            Self::NotANumber => "a bound must be a number",
            Self::Infinite => "a bound must be a finite number: every value, or none, would pass",
            Self::Crossed => "`min` is above `max`: no value would pass",
        })
    }
}

impl std::error::Error for BoundsError {}
