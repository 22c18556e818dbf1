//! One check: the query to the source, and the evaluation of its result.

use rollgate_sdk::jiff::{SignedDuration, Timestamp};
use rollgate_sdk::metrics::{self, MetricsError, MetricsErrorCode, Sample};
use rollgate_sdk::template::QueryTemplate;
use rollgate_sdk::threshold::{NoValue, Threshold};
use rollgate_sdk::{Combined, Evidence, Failure, Verdict};

use crate::before::{Asked, Before};
use crate::over::Over;
use crate::requests::{MinRequests, Traffic};
use rollgate_sdk::subject::Subject;

/// A check with validated settings.
#[derive(Debug)]
pub(crate) struct Check {
    /// The metric source.
    pub(crate) source: String,
    /// The query for the value.
    pub(crate) query: QueryTemplate,
    /// The query for the Unix time of the newest sample; `None` where its age does not matter.
    pub(crate) freshness: Option<QueryTemplate>,
    /// The time during which the bounds must have held; `None` where only the value now counts.
    pub(crate) over: Option<Over>,
    /// How many requests there must have been; `None` where any number is enough.
    pub(crate) min_requests: Option<MinRequests>,
    /// The earlier value that the bounds are relative to; `None` where they are absolute.
    pub(crate) before: Option<Before>,
    /// The bounds, and what happens when there is no value.
    pub(crate) threshold: Threshold,
}

/// The values that the source returned.
struct Measured {
    samples: Vec<Sample>,
    /// The time of the newest sample, where it was queried and is known.
    newest: Option<Timestamp>,
}

impl Check {
    /// Queries and evaluates. A value out of bounds counts, whatever is missing beside it.
    ///
    /// # Errors
    /// No value is out of bounds, and the settings say that the policy fails where there is none;
    /// or the configuration is wrong.
    pub(crate) fn evaluate(
        &self,
        subject: &Subject<'_>,
        now: Timestamp,
    ) -> Result<Verdict, Failure> {
        let query = subject.render(&self.query)?;
        let mut combined = Combined::new();
        let mut newest = None;
        if let Some(too_few) = self.too_few_requests(subject, &mut combined)? {
            return Ok(self.explain(too_few?, &query, newest, now));
        }
        match self.measure(&query, now, &mut combined) {
            Ok(samples) if samples.is_empty() => {}
            Ok(samples) => {
                let measured = self.date(samples, subject, &mut combined)?;
                newest = measured.newest;
                combined.add(self.compare(measured.samples, subject, &query, now));
            }
            Err(error) => combined.add(self.query_failed(&error)),
        }
        let verdict = combined.finish()?;
        Ok(self.explain(verdict, &query, newest, now))
    }

    /// Returns the result where there were too few requests for the value to count. If their number
    /// is not known, this is added to `combined`, and the value still counts.
    ///
    /// # Errors
    /// A variable of the query has no value.
    fn too_few_requests(
        &self,
        subject: &Subject<'_>,
        combined: &mut Combined,
    ) -> Result<Option<Result<Verdict, Failure>>, Failure> {
        let Some(requests) = &self.min_requests else {
            return Ok(None);
        };
        let (name, min) = (&self.threshold.name, requests.min);
        match requests.traffic(&self.source, &requests.render(subject)?) {
            Ok(Traffic::Enough) => {}
            Ok(Traffic::TooFew(few)) => {
                let message = format!(
                    "{name} does not count: there were {few} requests, and {min} are needed"
                );
                return Ok(Some(self.threshold.without_value(NoValue::NoData, message)));
            }
            Ok(Traffic::Unknown) => {
                let message = format!("{name} has no data on the number of requests");
                combined.add(self.threshold.without_value(NoValue::NoData, message));
            }
            Err(error) => combined.add(self.query_failed(&error)),
        }
        Ok(None)
    }

    /// Compares values with the bounds, which may be relative to earlier values.
    fn compare(
        &self,
        samples: Vec<Sample>,
        subject: &Subject<'_>,
        query: &str,
        now: Timestamp,
    ) -> Result<Verdict, Failure> {
        let Some(before) = self.before else {
            return self.threshold.evaluate(Ok(samples), now);
        };
        let asked = Asked {
            source: &self.source,
            query,
            workload: subject.workload(),
        };
        before.evaluate(&self.threshold, samples, &asked, now)
    }

    /// Queries the values. Missing ones are added to `combined`.
    fn measure(
        &self,
        query: &str,
        now: Timestamp,
        combined: &mut Combined,
    ) -> Result<Vec<Sample>, MetricsError> {
        let threshold = &self.threshold;
        let Some(over) = self.over else {
            let samples = metrics::query(&self.source, query)?;
            if samples.is_empty() {
                combined.add(threshold.evaluate(Ok(Vec::new()), now));
            }
            return Ok(samples);
        };
        let start = over.start(now);
        let series = metrics::query_range(&self.source, query, start, now, over.step())?;
        let seen = over.read(series, threshold.bounds);
        if let Some(when) = seen.gap {
            let message = format!("{} has no data {when}", threshold.name);
            combined.add(threshold.without_value(NoValue::NoData, message));
        }
        for (labels, when) in seen.not_numbers {
            let series = threshold.series_name(&labels);
            let message = format!("{series} is not a number (NaN) {when}");
            combined.add(threshold.without_value(NoValue::NotANumber, message));
        }
        Ok(seen.worst)
    }

    /// Sets the time of the values to that of the newest sample, where its age matters. If that is
    /// not known, this is added to `combined`, and the values still count.
    ///
    /// # Errors
    /// A variable of the query has no value.
    fn date(
        &self,
        mut samples: Vec<Sample>,
        subject: &Subject<'_>,
        combined: &mut Combined,
    ) -> Result<Measured, Failure> {
        let mut newest = None;
        if let Some(freshness) = &self.freshness {
            match self.newest(&subject.render(freshness)?) {
                Ok(Some(at)) => newest = Some(at),
                Ok(None) => {
                    let name = &self.threshold.name;
                    let message = format!("{name} has no data on the age of its values");
                    combined.add(self.threshold.without_value(NoValue::NoData, message));
                }
                Err(error) => combined.add(self.query_failed(&error)),
            }
        }
        if let Some(at) = newest {
            samples.iter_mut().for_each(|sample| sample.at = at);
        }
        Ok(Measured { samples, newest })
    }

    /// Returns the time of the newest sample; `None` where it is not known.
    fn newest(&self, freshness: &str) -> Result<Option<Timestamp>, MetricsError> {
        let samples = metrics::query(&self.source, freshness)?;
        let newest = samples.iter().map(|sample| sample.value).reduce(f64::max);
        let newest = newest.and_then(|seconds| SignedDuration::try_from_secs_f64(seconds).ok());
        Ok(newest.and_then(|since_epoch| Timestamp::from_duration(since_epoch).ok()))
    }

    /// Returns the result for a failed query, as the settings say. The exception is a wrong
    /// configuration, which no waiting repairs and no answer may hide.
    fn query_failed(&self, error: &MetricsError) -> Result<Verdict, Failure> {
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

    /// Adds the query to findings and evidence, and the age of the samples to the evidence.
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
