//! How many requests there must have been for a value to count.

use rollgate_sdk::metrics::{self, MetricsError};
use rollgate_sdk::subject;
use rollgate_sdk::template::QueryTemplate;
use rollgate_sdk::{Failure, Problems};

use crate::settings::CheckSettings;

/// The query for the number of requests, and the minimum.
#[derive(Debug)]
pub(crate) struct MinRequests {
    pub(crate) query: QueryTemplate,
    pub(crate) min: f64,
}

/// The number of requests.
pub(crate) enum Traffic {
    /// There were enough.
    Enough,
    /// There were too few: how many.
    TooFew(f64),
    /// It is not known.
    Unknown,
}

impl MinRequests {
    /// Parses `minRequests`; returns `Ok(None)` where any number is enough. `ready` is the query of a
    /// ready-made check.
    pub(crate) fn parse(
        check: &CheckSettings,
        ready: Option<&str>,
        problems: &mut Problems<'_>,
    ) -> Option<Option<Self>> {
        let Some(min) = check.min_requests else {
            return match &check.requests {
                None => Some(None),
                Some(_) => problems
                    .at("requests")
                    .refuse("is only for `minRequests`, which is not set"),
            };
        };
        if !(min > 0.0 && min.is_finite()) {
            return problems
                .at("minRequests")
                .refuse("must be above 0, such as 100");
        }
        let text = match (ready, &check.requests, &check.query) {
            (Some(ready), None, _) => ready,
            (Some(_), Some(_), _) => {
                return problems
                    .at("requests")
                    .refuse("is only for `query`; this check queries them itself");
            }
            (None, Some(text), Some(_)) => text,
            (None, None, Some(_)) => {
                return problems.at("requests").refuse(
                    "is missing: write a query for the number of requests, such as \
                     sum(increase(http_requests_total[5m]))",
                );
            }
            (None, _, None) => {
                return problems
                    .at("minRequests")
                    .refuse("is only for `errorRatio`, `latency` and `query`");
            }
        };
        let query = problems.at("requests").keep(subject::template(text))?;
        Some(Some(Self { query, min }))
    }

    /// Queries the number of requests.
    ///
    /// # Errors
    /// The query failed.
    pub(crate) fn traffic(&self, source: &str, query: &str) -> Result<Traffic, MetricsError> {
        let samples = metrics::query(source, query)?;
        let requests: f64 = samples.iter().map(|sample| sample.value).sum();
        Ok(match requests {
            _ if samples.is_empty() || requests.is_nan() => Traffic::Unknown,
            few if few < self.min => Traffic::TooFew(few),
            _ => Traffic::Enough,
        })
    }

    /// Renders the query.
    ///
    /// # Errors
    /// A variable has no value.
    pub(crate) fn render(&self, subject: &subject::Subject<'_>) -> Result<String, Failure> {
        subject.render(&self.query)
    }
}
