//! One check: what is asked of the source, and how its answer is judged.

use rollgate_sdk::jiff::{SignedDuration, Timestamp};
use rollgate_sdk::metrics::{self, MetricsError, MetricsErrorCode, Sample};
use rollgate_sdk::template::QueryTemplate;
use rollgate_sdk::threshold::Threshold;
use rollgate_sdk::{Evidence, Failure, Verdict};

use crate::over::{Over, Range};
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
    /// The bounds as they stand in the settings.
    pub(crate) range: Range,
    /// The bounds, and what it means when there is no proper value.
    pub(crate) threshold: Threshold,
}

/// What the source answered.
#[derive(Default)]
struct Measured {
    samples: Vec<Sample>,
    /// What people should know of it, besides.
    note: Option<String>,
}

impl Check {
    /// Measures and judges.
    ///
    /// # Errors
    /// There is no proper value, and the settings say that the policy fails then; or the
    /// configuration is wrong.
    pub(crate) fn judge(&self, subject: &Subject<'_>, now: Timestamp) -> Result<Verdict, Failure> {
        let query = subject.render(&self.query)?;
        let freshness = self.freshness.as_ref();
        let freshness = freshness
            .map(|freshness| subject.render(freshness))
            .transpose()?;
        let (measured, note) = match self.measure(&query, freshness.as_deref(), now) {
            Ok(Measured { samples, note }) => (Ok(samples), note),
            Err(error) => (Err(self.unless_mistaken(error)?), None),
        };
        let verdict = self.threshold.judge(measured, now)?;
        Ok(self.explain(verdict, &query, note, now))
    }

    fn measure(
        &self,
        query: &str,
        freshness: Option<&str>,
        now: Timestamp,
    ) -> Result<Measured, MetricsError> {
        let mut measured = match self.over {
            None => Measured {
                samples: metrics::query(&self.source, query)?,
                note: None,
            },
            Some(over) => self.measure_over(over, query, now)?,
        };
        if let Some(freshness) = freshness
            && !measured.samples.is_empty()
        {
            match self.newest(freshness)? {
                Some(at) => measured
                    .samples
                    .iter_mut()
                    .for_each(|sample| sample.at = at),
                None => measured = Measured::none("No sample tells how old the values are"),
            }
        }
        Ok(measured)
    }

    fn measure_over(
        &self,
        over: Over,
        query: &str,
        now: Timestamp,
    ) -> Result<Measured, MetricsError> {
        let start = over.start(now);
        let series = metrics::query_range(&self.source, query, start, now, over.step())?;
        Ok(match over.gaps(&series) {
            Some(gaps) => Measured::none(gaps),
            None => Measured {
                samples: over.worst(series, self.range),
                note: Some(format!("The worst value {over} counts")),
            },
        })
    }

    /// When the newest sample behind the values was taken; `None` where that cannot be told.
    fn newest(&self, freshness: &str) -> Result<Option<Timestamp>, MetricsError> {
        let samples = metrics::query(&self.source, freshness)?;
        let newest = samples.iter().map(|sample| sample.value).reduce(f64::max);
        let newest = newest.and_then(|seconds| SignedDuration::try_from_secs_f64(seconds).ok());
        Ok(newest.and_then(|since_epoch| Timestamp::from_duration(since_epoch).ok()))
    }

    /// The error, for the settings to say what it means; unless the configuration is wrong, which
    /// no waiting mends and no answer may cover up.
    fn unless_mistaken(&self, error: MetricsError) -> Result<MetricsError, Failure> {
        match error.code {
            MetricsErrorCode::NotGranted
            | MetricsErrorCode::UnknownSource
            | MetricsErrorCode::BadQuery => Err(Failure::source(format!(
                "{} cannot be measured: {error}",
                self.threshold.name
            ))),
            _ => Ok(error),
        }
    }

    /// Adds the query to reasons and facts, and the age of the samples to the facts.
    fn explain(
        &self,
        mut verdict: Verdict,
        query: &str,
        note: Option<String>,
        now: Timestamp,
    ) -> Verdict {
        let note = note.map(|note| format!("{note}. ")).unwrap_or_default();
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
            if let (Some(at), Some(_)) = (evidence.at, &self.freshness) {
                let age = now.duration_since(at).as_secs();
                evidence.extra.push(("age".to_owned(), format!("{age}s")));
            }
        }
        verdict
    }
}

impl Measured {
    fn none(why: impl Into<String>) -> Self {
        Self {
            samples: Vec::new(),
            note: Some(why.into()),
        }
    }
}
