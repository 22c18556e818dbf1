//! Holding measured values against bounds, with nothing left unsaid.
//!
//! A metric can be absent, NaN, old, or not to be had at all, and each of these has let bad
//! rollouts through somewhere. So [`Threshold`] has no default for any of them: the author, or the
//! operator through the settings, says what each means.

mod bounds;

use crate::metrics::{MetricsError, Sample};
use crate::{Combined, Evidence, Failure, Finding, Severity, Verdict};
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use bounds::{Bounds, BoundsError};

/// A bound on measured values, and what it means when there is no proper value to hold against it.
///
/// A value out of bounds always counts, whatever stands beside it: series that are not a number,
/// missing or stale may add to the verdict, and never take away from it.
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

/// Why there is no proper value. [`Answers`] says what each means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NoValue {
    /// There is no data.
    NoData,
    /// A value is not a number.
    NotANumber,
    /// A sample is too old.
    Stale,
    /// The source did not answer.
    Error,
}

impl Answers {
    /// What this means.
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
    /// Judges what a query answered, at the instant `now` of the review. The evidence has every
    /// value, with its bound and timestamp.
    ///
    /// # Errors
    /// There is no proper value, the answer to that is [`Answer::Fail`], and no other value is out
    /// of bounds in a way that objects.
    pub fn judge(
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
                let mut judged = Combined::new();
                for sample in &samples {
                    self.judge_sample(sample, now, &mut judged);
                }
                judged.finish()
            }
        }
    }

    /// Returns what it means that there is no proper value, in the caller's words: for what only
    /// the caller sees, such as a gap in a range. Put it beside other judgements with [`Combined`].
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

    /// The name of one series for people: `name{label="value"}`, the name alone without labels.
    #[must_use]
    pub fn series_name(&self, labels: &[(String, String)]) -> String {
        series_name(&self.name, labels)
    }

    /// An old value that is out of bounds is both stale and a breach: with an answer of `allow` or
    /// `warn` its age must not excuse it.
    fn judge_sample(&self, sample: &Sample, now: Timestamp, judged: &mut Combined) {
        let value = sample.value;
        let series = self.series_name(&sample.labels);
        let evidence = Evidence::new(&series, value)
            .bound(self.bounds.to_string())
            .at(sample.at);
        judged.add(Ok(Verdict::allow().with_evidence(evidence)));
        if let Some(breach) = self.bounds.breach(value) {
            let message = format!("{series} is {value}, which is {breach}");
            let finding = Finding::new(self.breach, &self.name, "", message);
            let finding = finding.found(value).expected(self.bounds);
            judged.add(Ok(Verdict::allow().with_finding(finding)));
        }
        if let Some(message) = self.stale(sample, &series, now) {
            judged.add(self.without_value(NoValue::Stale, message));
        } else if value.is_nan() {
            let message = format!("{series} is not a number (NaN)");
            judged.add(self.without_value(NoValue::NotANumber, message));
        }
    }

    /// What is wrong with a sample's age. A timestamp far ahead is as wrong as one far behind:
    /// somebody's clock is not right.
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
