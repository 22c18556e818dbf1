//! Metric sources by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use rollgate_model::{MetricsError, MetricsErrorCode, Sample, Series};

use super::prometheus::{DescribedIn, PrometheusSource};
use super::tenants::TenantAccess;
use super::{MetricSourceSpec, Metrics, Range, Requester, Secrets, SourceError};

/// Metric sources by name.
#[derive(Debug, Default)]
pub struct NamedMetrics {
    sources: BTreeMap<String, Result<NamedSource, SourceError>>,
}

/// One metric source, with what it offers to namespaces.
#[derive(Debug)]
pub struct NamedSource {
    prometheus: PrometheusSource,
    tenants: TenantAccess,
}

impl NamedSource {
    /// Validates the spec and makes the client; sends no request.
    ///
    /// # Errors
    /// If a field is invalid, or a file with a secret or certificates cannot be read.
    pub fn new(
        name: &str,
        spec: &MetricSourceSpec,
        described: DescribedIn,
        secrets: &Arc<dyn Secrets>,
    ) -> Result<Self, SourceError> {
        Ok(Self {
            tenants: TenantAccess::new(name, spec)?,
            prometheus: PrometheusSource::new(name, &spec.prometheus, described, secrets)?,
        })
    }

    /// Returns the query to send for what is asked.
    async fn prepare(
        &self,
        requester: Requester<'_>,
        query: &str,
    ) -> Result<Arc<str>, MetricsError> {
        match requester {
            Requester::Operator => Ok(query.into()),
            Requester::Namespace(namespace) => self.tenants.prepare(namespace, query).await,
        }
    }
}

/// A source that could not be set up is kept, so that queries to it say why.
impl FromIterator<(String, Result<NamedSource, SourceError>)> for NamedMetrics {
    fn from_iter<I>(sources: I) -> Self
    where
        I: IntoIterator<Item = (String, Result<NamedSource, SourceError>)>,
    {
        Self {
            sources: sources.into_iter().collect(),
        }
    }
}

impl Metrics for NamedMetrics {
    fn query<'a>(
        &'a self,
        requester: Requester<'a>,
        source: &'a str,
        query: &'a str,
        at: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<Sample>, MetricsError>> {
        async move {
            let source = self.find(source)?;
            let query = source.prepare(requester, query).await?;
            source.prometheus.query(&query, at).await
        }
        .boxed()
    }

    fn query_range<'a>(
        &'a self,
        requester: Requester<'a>,
        source: &'a str,
        query: &'a str,
        range: Range,
    ) -> BoxFuture<'a, Result<Vec<Series>, MetricsError>> {
        async move {
            let source = self.find(source)?;
            let query = source.prepare(requester, query).await?;
            source.prometheus.query_range(&query, range).await
        }
        .boxed()
    }
}

impl NamedMetrics {
    /// Returns metrics with other answers, such as those of a scenario: what these sources refuse a
    /// namespace is refused as well.
    #[must_use]
    pub fn answered_by(self: Arc<Self>, answers: Arc<dyn Metrics>) -> Arc<dyn Metrics> {
        Arc::new(Answered {
            sources: self,
            answers,
        })
    }

    fn find(&self, name: &str) -> Result<&NamedSource, MetricsError> {
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

/// See [`NamedMetrics::answered_by`].
struct Answered {
    sources: Arc<NamedMetrics>,
    answers: Arc<dyn Metrics>,
}

impl Answered {
    /// Checks a query as its source would. Answers to unknown sources, or to ones that cannot be set up
    /// here, are not kept back: no server is asked.
    async fn check(
        &self,
        requester: Requester<'_>,
        source: &str,
        query: &str,
    ) -> Result<(), MetricsError> {
        match self.sources.sources.get(source) {
            Some(Ok(source)) => source.prepare(requester, query).await.map(drop),
            Some(Err(_)) | None => Ok(()),
        }
    }
}

impl Metrics for Answered {
    fn query<'a>(
        &'a self,
        requester: Requester<'a>,
        source: &'a str,
        query: &'a str,
        at: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<Sample>, MetricsError>> {
        async move {
            self.check(requester, source, query).await?;
            self.answers.query(requester, source, query, at).await
        }
        .boxed()
    }

    fn query_range<'a>(
        &'a self,
        requester: Requester<'a>,
        source: &'a str,
        query: &'a str,
        range: Range,
    ) -> BoxFuture<'a, Result<Vec<Series>, MetricsError>> {
        async move {
            self.check(requester, source, query).await?;
            self.answers
                .query_range(requester, source, query, range)
                .await
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ask(metrics: &NamedMetrics, source: &str) -> MetricsError {
        metrics
            .query(Requester::Operator, source, "up", Timestamp::UNIX_EPOCH)
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
        let spec =
            serde_json::from_str(r#"{"prometheus": {"url": "http://localhost:9090"}}"#).unwrap();
        let metrics: NamedMetrics = ["b", "a"]
            .map(|name| {
                (
                    name.to_owned(),
                    NamedSource::new(name, &spec, DescribedIn::File, &secrets),
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
