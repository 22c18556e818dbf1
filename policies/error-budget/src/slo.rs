//! One objective: the ratio of errors in each window, and whether the budget burns.

use rollgate_sdk::jiff::Timestamp;
use rollgate_sdk::metrics::{self, MetricsErrorCode};
use rollgate_sdk::subject::Subject;
use rollgate_sdk::template::QueryTemplate;
use rollgate_sdk::threshold::{NoValue, Threshold};
use rollgate_sdk::{Combined, Evidence, Failure, Finding, Verdict};

/// An objective with validated settings.
#[derive(Debug)]
pub(crate) struct Slo {
    /// The ratio of requests that may fail.
    pub(crate) budget: f64,
    pub(crate) windows: Vec<Windows>,
}

/// A long and a short window.
#[derive(Debug)]
pub(crate) struct Windows {
    pub(crate) long: Measure,
    pub(crate) short: Measure,
    pub(crate) burn_rate: f64,
    /// The ratio above which the budget burns too fast, and what happens without a value.
    pub(crate) threshold: Threshold,
}

/// The query for the ratio of errors in one window.
#[derive(Debug)]
pub(crate) struct Measure {
    pub(crate) window: String,
    pub(crate) query: QueryTemplate,
}

/// The workload and the source that are queried.
pub(crate) struct Asked<'a> {
    pub(crate) subject: &'a Subject<'a>,
    pub(crate) source: &'a str,
}

/// The measured ratio; or why there is none.
enum Measured {
    Ratio(f64),
    Nothing(NoValue, String),
}

/// Whether a pair of windows burns.
pub(crate) enum Burn {
    /// It burns: the ratios of the long and the short window.
    Burning { long: f64, short: f64 },
    /// It does not: the ratio of the long window.
    Calm { long: f64 },
    /// A window has no value: what the settings say of that.
    Unknown(Result<Verdict, Failure>),
}

impl Windows {
    /// Queries both windows, now or at an earlier instant.
    ///
    /// # Errors
    /// The configuration is wrong: no waiting repairs it, and no answer may hide it.
    pub(crate) fn burn(&self, asked: &Asked<'_>, at: Option<Timestamp>) -> Result<Burn, Failure> {
        let mut missing = Combined::new();
        let mut ratio = |measure: &Measure| -> Result<Option<f64>, Failure> {
            Ok(match self.measure(measure, asked, at)? {
                Measured::Ratio(ratio) => Some(ratio),
                Measured::Nothing(why, message) => {
                    missing.add(self.threshold.without_value(why, message));
                    None
                }
            })
        };
        let (long, short) = (ratio(&self.long)?, ratio(&self.short)?);
        let max = self.threshold.bounds.max().unwrap_or(f64::INFINITY);
        Ok(match (long, short) {
            (Some(long), Some(short)) if long > max && short > max => Burn::Burning { long, short },
            (Some(long), Some(_)) => Burn::Calm { long },
            _ => Burn::Unknown(missing.finish()),
        })
    }

    fn measure(
        &self,
        measure: &Measure,
        asked: &Asked<'_>,
        at: Option<Timestamp>,
    ) -> Result<Measured, Failure> {
        let query = asked.subject.render(&measure.query)?;
        let measured = match at {
            None => metrics::query(asked.source, &query),
            Some(at) => metrics::query_at(asked.source, &query, at),
        };
        let (name, window) = (&self.threshold.name, &measure.window);
        let samples = match measured {
            Ok(samples) => samples,
            Err(error) => {
                let message = format!("{name} over {window} could not be measured: {error}");
                return match error.code {
                    MetricsErrorCode::NotGranted
                    | MetricsErrorCode::UnknownSource
                    | MetricsErrorCode::BadQuery => Err(Failure::source(message)),
                    _ => Ok(Measured::Nothing(NoValue::Error, message)),
                };
            }
        };
        let values = samples.iter().map(|sample| sample.value);
        let worst = values
            .clone()
            .filter(|value| !value.is_nan())
            .reduce(f64::max);
        let max = self.threshold.bounds.max().unwrap_or(f64::INFINITY);
        Ok(match worst {
            // A ratio that is too high counts, whatever other series lack.
            Some(worst) if worst > max => Measured::Ratio(worst),
            _ if values.clone().any(f64::is_nan) => Measured::Nothing(
                NoValue::NotANumber,
                format!("{name} over {window} is not a number (NaN): there were no requests"),
            ),
            Some(worst) => Measured::Ratio(worst),
            None => Measured::Nothing(
                NoValue::NoData,
                format!("{name} has no data over {window}: {query}"),
            ),
        })
    }

    /// Returns the finding for a budget that burns.
    pub(crate) fn finding(&self, budget: f64, long: f64, short: f64) -> Finding {
        let (name, threshold) = (&self.threshold.name, &self.threshold);
        let (long_window, short_window) = (&self.long.window, &self.short.window);
        let message = format!(
            "{name} burns its error budget: {} of the requests failed over {long_window} and {} over \
             {short_window}, which is {} times the {} that may fail",
            percent(long),
            percent(short),
            rounded(long.min(short) / budget),
            percent(budget)
        );
        Finding::new(threshold.breach, name, "", message)
            .found(format!("{} and {}", percent(long), percent(short)))
            .expected(format!(
                "at most {} over {long_window} or {short_window} (burn rate {})",
                percent(threshold.bounds.max().unwrap_or(f64::INFINITY)),
                self.burn_rate
            ))
            .hint("Wait until the errors stop, or roll back, which is always allowed")
    }

    pub(crate) fn evidence(&self, long: f64) -> Evidence {
        let name = format!("{} over {}", self.threshold.name, self.long.window);
        Evidence::new(name, long).bound(self.threshold.bounds.to_string())
    }
}

fn percent(ratio: f64) -> String {
    format!("{} %", rounded(ratio * 100.0))
}

/// Rounds to three places.
fn rounded(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}
