//! What a metric source offers to policies of a namespace: named queries of the operator, or their own
//! queries with label matchers added.

use std::collections::BTreeMap;
use std::sync::Arc;

use promql_parser::label::Matcher;
use rollgate_model::{MetricsError, MetricsErrorCode, dns, pointer};

use super::metric_source::ALL_NAMESPACES;
use super::promql::{MatcherTemplate, PLACEHOLDER, PromqlError, Query};
use super::{MetricSourceSpec, SourceError};
use crate::telemetry::text::short_line;

/// The capacity in bytes of prepared queries; the least recently used are evicted.
const MAX_BYTES: u64 = 4 << 20;

/// The most characters of a query or of an error that a message shows.
const MAX_SHOWN: usize = 300;

/// The longest name of a query.
const MAX_NAME: usize = 63;

/// What policies of namespaces may query of one source.
#[derive(Debug)]
pub(super) struct TenantAccess {
    source: Arc<str>,
    spec: MetricSourceSpec,
    queries: BTreeMap<String, Query>,
    matchers: Vec<MatcherTemplate>,
    /// The query to send, or why there is none, by namespace and the text that the policy gave.
    prepared: moka::future::Cache<Asked, Prepared>,
}

/// The namespace of a policy, and the text that it gave.
type Asked = (String, String);

type Prepared = Result<Arc<str>, MetricsError>;

fn weigh((namespace, text): &Asked, prepared: &Prepared) -> u32 {
    let prepared = match prepared {
        Ok(query) => query.len(),
        Err(error) => error.message.len(),
    };
    u32::try_from(namespace.len() + text.len() + prepared).unwrap_or(u32::MAX)
}

impl TenantAccess {
    /// Validates the fields of a source that are about namespaces.
    ///
    /// # Errors
    /// If one is invalid, or has no effect.
    pub(super) fn new(name: &str, spec: &MetricSourceSpec) -> Result<Self, SourceError> {
        check_namespaces(spec)?;
        let matchers = matchers(&spec.matchers)?;
        let queries = queries(&spec.queries)?;
        if spec.namespaces.is_none() {
            let unused = [
                ("matchers", spec.matchers.is_empty()),
                ("queries", spec.queries.is_empty()),
            ];
            if let Some((field, _)) = unused.into_iter().find(|(_, is_empty)| !is_empty) {
                let message = "it has no effect, because the source is open to no namespace: add \
                               `namespaces`, or `namespaces: [\"*\"]` for all";
                return Err(wrong(&format!("/spec/{field}"), message));
            }
        }
        let prepared = moka::future::Cache::builder()
            .weigher(weigh)
            .max_capacity(MAX_BYTES)
            .build();
        Ok(Self {
            source: name.into(),
            spec: spec.clone(),
            queries,
            matchers,
            prepared,
        })
    }

    /// Returns the query to send for what a policy of a namespace asks.
    ///
    /// # Errors
    /// The source is not for the namespace, has no query of that name, or the query cannot be restricted.
    pub(super) async fn prepare(
        &self,
        namespace: &str,
        text: &str,
    ) -> Result<Arc<str>, MetricsError> {
        let key = (namespace.to_owned(), text.to_owned());
        let prepare = async { self.prepared_query(namespace, text) };
        self.prepared.get_with(key, prepare).await
    }

    fn prepared_query(&self, namespace: &str, text: &str) -> Result<Arc<str>, MetricsError> {
        if !self.spec.is_open_to(namespace) {
            let message = format!(
                "metrics source {:?} is not for policies in the namespace {namespace:?}: add it to \
                 `spec.namespaces` of the MetricSource",
                self.source
            );
            let code = MetricsErrorCode::NotGranted;
            return Err(MetricsError { code, message });
        }
        if let Some(query) = self.queries.get(text) {
            let filled = label(namespace).and_then(|namespace| query.clone().fill(namespace));
            let filled = filled.and_then(Query::render);
            return filled
                .map(Into::into)
                .map_err(|error| self.bad(text, &error));
        }
        if self.matchers.is_empty() && self.queries.is_empty() {
            // The operator opened it as it is.
            return Ok(text.into());
        }
        if self.matchers.is_empty() {
            return Err(self.unknown_name(text));
        }
        let query = self.restricted(namespace, text);
        query
            .map(Into::into)
            .map_err(|error| self.bad(text, &error))
    }

    fn restricted(&self, namespace: &str, text: &str) -> Result<String, PromqlError> {
        let namespace = label(namespace)?;
        let matchers = self.matchers.iter();
        let matchers: Vec<Matcher> = matchers
            .map(|matcher| matcher.fill(namespace))
            .collect::<Result<_, _>>()?;
        Query::parse(text)?.restrict(&matchers)?.render()
    }

    fn bad(&self, text: &str, error: &PromqlError) -> MetricsError {
        let message = format!(
            "metrics source {:?} cannot make the query `{}` for a namespace: {}",
            self.source,
            short_line(text, MAX_SHOWN),
            short_line(&error.to_string(), MAX_SHOWN),
        );
        bad_query(message)
    }

    fn unknown_name(&self, text: &str) -> MetricsError {
        let names: Vec<_> = self.queries.keys().map(String::as_str).collect();
        bad_query(format!(
            "metrics source {:?} has no query named `{}`; a policy of a namespace asks it for a query \
             by name: {}",
            self.source,
            short_line(text, MAX_SHOWN),
            names.join(", "),
        ))
    }
}

fn bad_query(message: String) -> MetricsError {
    let code = MetricsErrorCode::BadQuery;
    MetricsError { code, message }
}

/// Returns the name of a namespace, if it is one.
fn label(namespace: &str) -> Result<&str, PromqlError> {
    if dns::is_label(namespace) {
        Ok(namespace)
    } else {
        Err(PromqlError::Namespace(namespace.to_owned()))
    }
}

fn check_namespaces(spec: &MetricSourceSpec) -> Result<(), SourceError> {
    let namespaces = spec.namespaces.iter().flatten().enumerate();
    for (index, namespace) in namespaces {
        if namespace != ALL_NAMESPACES && !dns::is_label(namespace) {
            let message = format!(
                "`{}` is no namespace; name each one in full, or write `\"*\"` for all",
                namespace.escape_debug()
            );
            return Err(wrong(&format!("/spec/namespaces/{index}"), message));
        }
    }
    Ok(())
}

fn matchers(given: &[String]) -> Result<Vec<MatcherTemplate>, SourceError> {
    let parsed = given.iter().enumerate().map(|(index, text)| {
        MatcherTemplate::parse(text)
            .map_err(|error| wrong(&format!("/spec/matchers/{index}"), error.to_string()))
    });
    let parsed = parsed.collect::<Result<Vec<_>, _>>()?;
    if !parsed.is_empty() && !parsed.iter().any(MatcherTemplate::names_namespace) {
        let message = format!(
            "none has `{PLACEHOLDER}` in it, so every namespace would see the same series: write for \
             example `namespace=\"{PLACEHOLDER}\"`"
        );
        return Err(wrong("/spec/matchers", message));
    }
    Ok(parsed)
}

fn queries(given: &BTreeMap<String, String>) -> Result<BTreeMap<String, Query>, SourceError> {
    let parsed = given.iter().map(|(name, text)| {
        let mut pointer = "/spec/queries".to_owned();
        pointer::push(&mut pointer, name);
        if !is_name(name) {
            let message = format!(
                "`{}` is no name of a query: use letters, digits, `_`, `-` and `.`, at most {MAX_NAME} of \
                 them, and begin with a letter",
                short_line(name, MAX_SHOWN).escape_debug()
            );
            return Err(wrong(&pointer, message));
        }
        // Filled and written out once, so that mistakes are found before a policy asks.
        let query = Query::parse(text).and_then(|query| {
            query.clone().fill("namespace")?.render()?;
            Ok(query)
        });
        match query {
            Ok(query) => Ok((name.clone(), query)),
            Err(error) => Err(wrong(
                &pointer,
                short_line(&error.to_string(), MAX_SHOWN).into_owned(),
            )),
        }
    });
    parsed.collect()
}

fn is_name(name: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    name.len() <= MAX_NAME
        && name.bytes().all(known)
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
}

fn wrong(pointer: &str, message: impl Into<String>) -> SourceError {
    SourceError {
        pointer: pointer.to_owned(),
        message: message.into(),
    }
}

#[cfg(test)]
mod tests;
