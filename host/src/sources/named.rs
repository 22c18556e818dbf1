//! Metric sources by name.

use std::collections::BTreeMap;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use jiff::Timestamp;
use rollgate_model::{MetricsError, MetricsErrorCode, Sample, Series};

use super::prometheus::PrometheusSource;
use super::{Metrics, Range, SourceError};

/// Metric sources by name.
#[derive(Debug, Default)]
pub struct NamedMetrics {
    sources: BTreeMap<String, Result<PrometheusSource, SourceError>>,
}

/// A source that could not be set up is kept, so that queries to it say why.
impl FromIterator<(String, Result<PrometheusSource, SourceError>)> for NamedMetrics {
    fn from_iter<I>(sources: I) -> Self
    where
        I: IntoIterator<Item = (String, Result<PrometheusSource, SourceError>)>,
    {
        Self {
            sources: sources.into_iter().collect(),
        }
    }
}

impl Metrics for NamedMetrics {
    fn query<'a>(
        &'a self,
        source: &'a str,
        query: &'a str,
        at: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<Sample>, MetricsError>> {
        match self.find(source) {
            Ok(source) => source.query(query, at).boxed(),
            Err(error) => ready(Err(error)).boxed(),
        }
    }

    fn query_range<'a>(
        &'a self,
        source: &'a str,
        query: &'a str,
        range: Range,
    ) -> BoxFuture<'a, Result<Vec<Series>, MetricsError>> {
        match self.find(source) {
            Ok(source) => source.query_range(query, range).boxed(),
            Err(error) => ready(Err(error)).boxed(),
        }
    }
}

impl NamedMetrics {
    fn find(&self, name: &str) -> Result<&PrometheusSource, MetricsError> {
        match self.sources.get(name) {
            Some(Ok(source)) => Ok(source),
            Some(Err(error)) => Err(MetricsError {
                code: MetricsErrorCode::Unavailable,
                message: format!("metrics source {name:?} cannot be used: {error}"),
            }),
            None => Err(MetricsError {
                code: MetricsErrorCode::UnknownSource,
                message: format!("there is no metrics source {name:?}; {}", self.known()),
            }),
        }
    }

    fn known(&self) -> String {
        if self.sources.is_empty() {
            return "there are none: add a MetricSource to the policies folder".to_owned();
        }
        let names: Vec<&str> = self.sources.keys().map(String::as_str).collect();
        format!("the known ones are: {}", names.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::sources::Secrets;
    use crate::sources::prometheus::DescribedIn;

    async fn ask(metrics: &NamedMetrics, source: &str) -> MetricsError {
        metrics
            .query(source, "up", Timestamp::UNIX_EPOCH)
            .await
            .unwrap_err()
    }

    #[tokio::test]
    async fn query_without_sources_says_how_to_add_one() {
        let error = ask(&NamedMetrics::default(), "prod").await;
        assert_eq!(error.code, MetricsErrorCode::UnknownSource);
        assert!(error.message.contains("\"prod\""), "{error}");
        assert!(error.message.contains("MetricSource"), "{error}");
    }

    #[tokio::test]
    async fn query_of_an_unknown_source_names_the_known_ones() {
        let secrets: Arc<dyn Secrets> = Arc::new(crate::sources::Disconnected);
        let spec = serde_json::from_str(r#"{"url": "http://localhost:9090"}"#).unwrap();
        let metrics: NamedMetrics = ["b", "a"]
            .map(|name| {
                (
                    name.to_owned(),
                    PrometheusSource::new(name, &spec, DescribedIn::File, &secrets),
                )
            })
            .into_iter()
            .collect();
        let error = ask(&metrics, "prod").await;
        assert_eq!(error.code, MetricsErrorCode::UnknownSource);
        assert!(
            error.message.ends_with("the known ones are: a, b"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn query_of_a_broken_source_says_why() {
        let broken = SourceError {
            pointer: String::new(),
            message: "its url is odd".to_owned(),
        };
        let metrics = NamedMetrics::from_iter([("prod".to_owned(), Err(broken))]);
        let error = ask(&metrics, "prod").await;
        assert_eq!(error.code, MetricsErrorCode::Unavailable);
        assert!(error.message.contains("its url is odd"), "{error}");
    }
}
