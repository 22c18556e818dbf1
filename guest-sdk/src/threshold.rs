//! Holding measured values against bounds, with nothing left unsaid.
//!
//! A metric can be absent, NaN, old, or not to be had at all, and each of these has let bad
//! rollouts through somewhere. So [`Threshold`] has no default for any of them: the author, or the
//! operator through the settings, says what each means.

use crate::metrics::{MetricsError, Sample};
use crate::{Evidence, Failure, Finding, Severity, Verdict};
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A bound on measured values, and what it means when there is no proper value to hold against it.
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
///         no_data: Answer::Allow, // nothing was asked, so nothing failed
///         nan: Answer::Allow,
///         stale: Answer::Hold,
///         error: Answer::Fail,
///     },
/// };
/// let now: Timestamp = "2026-03-01T10:00:00Z".parse()?;
/// let measured = vec![Sample { labels: vec![], value: 0.2, at: now }];
/// let verdict = error_ratio.judge(Ok(measured), now)?;
/// assert_eq!(verdict.findings[0].message, "error-ratio is 0.2, which is above 0.01");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    /// What is measured. It names the rule of the findings, and the evidence.
    pub name: String,
    /// What is held against the values: every series must keep within.
    pub bounds: Bounds,
    /// What a value out of bounds asks for.
    pub breach: Severity,
    /// How far a sample's timestamp may be from the instant of the review before it is stale.
    pub max_age: SignedDuration,
    /// What it means when there is no proper value.
    pub answers: Answers,
}

/// What it means when there is no proper value. Fit for settings; no field has a default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(description = "What it means when there is no proper value.")]
pub struct Answers {
    /// The query answered, but with no series.
    pub no_data: Answer,
    /// A series is not a number: most often a ratio of zero to zero.
    pub nan: Answer,
    /// A sample is too old.
    pub stale: Answer,
    /// The query was not answered.
    pub error: Answer,
}

/// What the absence of a proper value asks for. Fit for settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(description = "What the absence of a proper value asks for.")]
pub enum Answer {
    /// The rollout may go; it is noted.
    Allow,
    /// The rollout may go, with a warning.
    Warn,
    /// Not now.
    Hold,
    /// No.
    Deny,
    /// The policy cannot judge: the operator's `onError` decides.
    Fail,
}

/// The least and the greatest value that are good, both included. At least one is set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    min: Option<f64>,
    max: Option<f64>,
}

/// Bounds that no value, or every value, would keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BoundsError {
    /// Neither `min` nor `max` is given.
    Missing,
    /// A bound is NaN.
    NotANumber,
    /// `min` is above `max`.
    Crossed,
}

impl Bounds {
    /// Bounds from a least and a greatest value.
    ///
    /// # Errors
    /// No value, or every value, would keep them.
    pub fn new(min: Option<f64>, max: Option<f64>) -> Result<Self, BoundsError> {
        match (min, max) {
            (None, None) => Err(BoundsError::Missing),
            _ if min.is_some_and(f64::is_nan) || max.is_some_and(f64::is_nan) => {
                Err(BoundsError::NotANumber)
            }
            (Some(min), Some(max)) if min > max => Err(BoundsError::Crossed),
            _ => Ok(Self { min, max }),
        }
    }

    /// What is wrong with a value that is a number, or `None` where it keeps within.
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

impl Threshold {
    /// Judges what a query answered, at the instant `now` of the review. The evidence has every
    /// value, with its bound and timestamp.
    ///
    /// # Errors
    /// There is no proper value, and the answer to that is [`Answer::Fail`].
    pub fn judge(
        &self,
        measured: Result<Vec<Sample>, MetricsError>,
        now: Timestamp,
    ) -> Result<Verdict, Failure> {
        match measured {
            Err(error) => {
                let message = format!("{} could not be measured: {error}", self.name);
                self.improper(self.answers.error, "source", message)
            }
            Ok(samples) if samples.is_empty() => self.improper(
                self.answers.no_data,
                "no-data",
                format!("{} has no data", self.name),
            ),
            Ok(samples) => samples
                .iter()
                .try_fold(Verdict::allow(), |verdict, sample| {
                    let series = series_name(&self.name, &sample.labels);
                    let judged = self.judge_sample(sample, &series, now)?;
                    let evidence = Evidence::new(series, sample.value)
                        .bound(self.bounds.to_string())
                        .at(sample.at);
                    Ok(verdict.and(judged.with_evidence(evidence)))
                }),
        }
    }

    fn judge_sample(
        &self,
        sample: &Sample,
        series: &str,
        now: Timestamp,
    ) -> Result<Verdict, Failure> {
        let value = sample.value;
        let age = now.duration_since(sample.at);
        // A timestamp far ahead is as wrong as one far behind: somebody's clock is not right.
        if age.abs() > self.max_age {
            let side = if age.is_negative() { "after" } else { "before" };
            let message = format!(
                "{series} is stale: its timestamp lies {:#} {side} this review, and at most {:#} is fresh",
                age.abs(),
                self.max_age
            );
            return self.improper(self.answers.stale, "no-data", message);
        }
        if value.is_nan() {
            return self.improper(
                self.answers.nan,
                "no-data",
                format!("{series} is not a number (NaN)"),
            );
        }
        Ok(self
            .bounds
            .breach(value)
            .map_or_else(Verdict::allow, |breach| {
                let message = format!("{series} is {value}, which is {breach}");
                let finding = Finding::new(self.breach, &self.name, "", message);
                Verdict::allow().with_finding(finding.found(value).expected(self.bounds))
            }))
    }

    /// The verdict where there is no proper value.
    fn improper(&self, answer: Answer, code: &str, message: String) -> Result<Verdict, Failure> {
        let severity = match answer {
            Answer::Fail => return Err(Failure::new(code, message)),
            Answer::Allow => Severity::Info,
            Answer::Warn => Severity::Warn,
            Answer::Hold => Severity::Hold,
            Answer::Deny => Severity::Deny,
        };
        let finding = Finding::new(severity, &self.name, "", message).expected(self.bounds);
        Ok(Verdict::allow().with_finding(finding))
    }
}

/// `name{label="value", …}`, as people know series; the name alone where there are no labels.
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

impl std::fmt::Display for BoundsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Missing => "give `min`, `max` or both: without a bound every value would pass",
            Self::NotANumber => "a bound must be a number",
            Self::Crossed => "`min` is above `max`: no value would pass",
        })
    }
}

impl std::error::Error for BoundsError {}
