//! One check: what is asked of the source, and how its answer is judged.

use rollgate_sdk::jiff::{SignedDuration, Timestamp};
use rollgate_sdk::metrics::{self, MetricsError, MetricsErrorCode, Sample};
use rollgate_sdk::template::QueryTemplate;
use rollgate_sdk::threshold::{NoValue, Threshold};
use rollgate_sdk::{Combined, Evidence, Failure, Verdict};

use crate::over::Over;
use crate::subject::Subject;

/// A check whose settings are sound.
#[derive(Debug)]
pub(crate) struct Check {
    /// The metric source.
    pub(crate) source: String,
    /// What is measured.
    pub(crate) query: QueryTemplate,
    /// Asks for the Unix time of the newest sample; absent where its age does not matter.
    pub(crate) freshness: Option<QueryTemplate>,
    /// The time during which the bounds must have held; absent where only now counts.
    pub(crate) over: Option<Over>,
    /// The bounds, and what it means when there is no proper value.
    pub(crate) threshold: Threshold,
}

/// The values that the source answered.
struct Measured {
    samples: Vec<Sample>,
    /// When the newest sample behind them was taken, where that was asked for and told.
    newest: Option<Timestamp>,
}

impl Check {
    /// Measures and judges. A value out of bounds counts, whatever is missing beside it.
    ///
    /// # Errors
    /// No value is out of bounds, and there is no proper value where the settings say that the
    /// policy fails then; or the configuration is wrong.
    pub(crate) fn judge(&self, subject: &Subject<'_>, now: Timestamp) -> Result<Verdict, Failure> {
        let query = subject.render(&self.query)?;
        let mut judged = Combined::new();
        let mut newest = None;
        match self.measure(&query, now, &mut judged) {
            Ok(samples) if samples.is_empty() => {}
            Ok(samples) => {
                let measured = self.date(samples, subject, &mut judged)?;
                newest = measured.newest;
                judged.add(self.threshold.evaluate(Ok(measured.samples), now));
            }
            Err(error) => judged.add(self.unanswered(&error)),
        }
        let verdict = judged.finish()?;
        Ok(self.explain(verdict, &query, newest, now))
    }

    /// Asks for the values. What is missing among them goes to `judged`.
    fn measure(
        &self,
        query: &str,
        now: Timestamp,
        judged: &mut Combined,
    ) -> Result<Vec<Sample>, MetricsError> {
        let threshold = &self.threshold;
        let Some(over) = self.over else {
            let samples = metrics::query(&self.source, query)?;
            if samples.is_empty() {
                judged.add(threshold.evaluate(Ok(Vec::new()), now));
            }
            return Ok(samples);
        };
        let start = over.start(now);
        let series = metrics::query_range(&self.source, query, start, now, over.step())?;
        let seen = over.read(series, threshold.bounds);
        if let Some(when) = seen.gap {
            let message = format!("{} has no data {when}", threshold.name);
            judged.add(threshold.without_value(NoValue::NoData, message));
        }
        for (labels, when) in seen.not_numbers {
            let series = threshold.series_name(&labels);
            let message = format!("{series} is not a number (NaN) {when}");
            judged.add(threshold.without_value(NoValue::NotANumber, message));
        }
        Ok(seen.worst)
    }

    /// Dates the values by the newest sample behind them, where its age matters. That it is not
    /// told goes to `judged`; the values still count.
    ///
    /// # Errors
    /// A variable of the query has no value.
    fn date(
        &self,
        mut samples: Vec<Sample>,
        subject: &Subject<'_>,
        judged: &mut Combined,
    ) -> Result<Measured, Failure> {
        let mut newest = None;
        if let Some(freshness) = &self.freshness {
            match self.newest(&subject.render(freshness)?) {
                Ok(Some(at)) => newest = Some(at),
                Ok(None) => {
                    let name = &self.threshold.name;
                    let message = format!("{name} has no data that tells how old its values are");
                    judged.add(self.threshold.without_value(NoValue::NoData, message));
                }
                Err(error) => judged.add(self.unanswered(&error)),
            }
        }
        if let Some(at) = newest {
            samples.iter_mut().for_each(|sample| sample.at = at);
        }
        Ok(Measured { samples, newest })
    }

    /// When the newest sample behind the values was taken; `None` where that cannot be told.
    fn newest(&self, freshness: &str) -> Result<Option<Timestamp>, MetricsError> {
        let samples = metrics::query(&self.source, freshness)?;
        let newest = samples.iter().map(|sample| sample.value).reduce(f64::max);
        let newest = newest.and_then(|seconds| SignedDuration::try_from_secs_f64(seconds).ok());
        Ok(newest.and_then(|since_epoch| Timestamp::from_duration(since_epoch).ok()))
    }

    /// What it means that the source did not answer. The settings say it; unless the configuration
    /// is wrong, which no waiting mends and no answer may cover up.
    fn unanswered(&self, error: &MetricsError) -> Result<Verdict, Failure> {
        let name = &self.threshold.name;
        match error.code {
            MetricsErrorCode::NotGranted
            | MetricsErrorCode::UnknownSource
            | MetricsErrorCode::BadQuery => Err(Failure::source(format!(
                "{name} cannot be measured: {error}"
            ))),
            _ => self.threshold.without_value(
                NoValue::Error,
                format!("{name} could not be measured: {error}"),
            ),
        }
    }

    /// Adds the query to reasons and facts, and the age of the samples to the facts.
    fn explain(
        &self,
        mut verdict: Verdict,
        query: &str,
        newest: Option<Timestamp>,
        now: Timestamp,
    ) -> Verdict {
        let note = self
            .over
            .map(|over| format!("The worst value {over} counts. "))
            .unwrap_or_default();
        for finding in &mut verdict.findings {
            finding.hint = Some(format!("{note}Query to {}: {query}", self.source));
        }
        if verdict.evidence.is_empty() {
            let bound = self.threshold.bounds.to_string();
            let none = Evidence::new(&self.threshold.name, "no value").bound(bound);
            verdict.evidence.push(none);
        }
        for evidence in &mut verdict.evidence {
            evidence.extra.push(("query".to_owned(), query.to_owned()));
            if let (Some(_), Some(newest)) = (evidence.at, newest) {
                let age = now.duration_since(newest).as_secs();
                evidence.extra.push(("age".to_owned(), format!("{age}s")));
            }
        }
        verdict
    }
}
