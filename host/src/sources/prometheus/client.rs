//! The HTTP client of one source, with limits of time and size.

use std::error::Error;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::CONTENT_TYPE;
use reqwest::redirect::Policy;
use reqwest::{RequestBuilder, Response, Url};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout, timeout_at};

use super::answer::Answer;
use super::cache::Window;
use super::failure::QueryError;
use super::secret::Reread;
use super::settings::{Credential, Limits, Settings};
use super::trust::Trust;
use crate::sources::SourceError;

/// How many queries are sent to one source at the same time. It limits the memory for responses, and the
/// load that a policy with ever new queries causes. Prometheus evaluates 20 at a time
/// (`--query.max-concurrency`).
const MAX_CONCURRENT: usize = 8;

/// Less than the idle timeout of servers and proxies (nginx: 75 s), so that they seldom close a connection
/// just as it is used.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(super) struct Client {
    source: String,
    http: reqwest::Client,
    instant: Url,
    range: Url,
    credential: Option<Credential>,
    limits: Limits,
    slots: Semaphore,
}

impl Client {
    pub(super) fn new(source: &str, settings: Settings) -> Result<Self, SourceError> {
        let endpoint = |name| {
            let mut url = settings.base.clone();
            if let Ok(mut path) = url.path_segments_mut() {
                path.pop_if_empty().extend(["api", "v1", name]);
            }
            url
        };
        Ok(Self {
            source: source.to_owned(),
            instant: endpoint("query"),
            range: endpoint("query_range"),
            http: http_client(settings.headers, settings.trust, settings.limits.timeout)?,
            credential: settings.credential,
            limits: settings.limits,
            slots: Semaphore::new(MAX_CONCURRENT),
        })
    }

    /// Evaluates a query, and logs an error.
    pub(super) async fn fetch(&self, query: &str, window: Window) -> Result<Answer, QueryError> {
        let answer = self.query_within_limits(query, window).await;
        if let Err(error) = &answer {
            tracing::warn!(source = self.source, query, "metrics source {error}");
        }
        answer
    }

    /// Waits for a slot for up to half of the timeout. A query with less time left would load the server in
    /// vain.
    async fn query_within_limits(&self, query: &str, window: Window) -> Result<Answer, QueryError> {
        let limit = self.limits.timeout;
        let start = Instant::now();
        let Ok(_slot) = timeout(limit / 2, self.slots.acquire()).await else {
            return Err(QueryError::Busy(limit / 2));
        };
        let result = timeout_at(start + limit, self.query(query, window)).await;
        result.unwrap_or(Err(QueryError::Timeout(limit)))
    }

    async fn query(&self, query: &str, window: Window) -> Result<Answer, QueryError> {
        let mut response = self.send(query, window).await?;
        if self.is_outdated(&response).await {
            response = self.send(query, window).await?;
        }
        let status = response.status().as_u16();
        let content_type = content_type(&response);
        if QueryError::is_decided_by_status(status) {
            return Err(QueryError::from_status(status, content_type));
        }
        let body = self.read(response).await?;
        let envelope = Answer::parse(&body);
        let Some(answer) = envelope.filter(|envelope| envelope.is_of_api(status)) else {
            return Err(QueryError::from_status(status, content_type));
        };
        let (answer, warnings) = answer.into_result(self.limits.series)?;
        for warning in warnings {
            tracing::warn!(
                source = self.source,
                query,
                "metrics source warns: {warning}"
            );
        }
        Ok(answer)
    }

    /// Sends a query, once more if a kept connection was closed before any response: a second read does no
    /// harm.
    async fn send(&self, query: &str, window: Window) -> Result<Response, QueryError> {
        let first = self.request(query, window).await?.send().await;
        let answer = match first {
            Err(error) if is_closed_early(&error) => {
                self.request(query, window).await?.send().await
            }
            other => other,
        };
        answer.map_err(|error| self.explain(error))
    }

    /// Returns whether the server refuses the credential, and reading it again may help.
    async fn is_outdated(&self, response: &Response) -> bool {
        if response.status() != reqwest::StatusCode::UNAUTHORIZED {
            return false;
        }
        match &self.credential {
            Some(
                Credential::Bearer(secret)
                | Credential::Basic {
                    password: secret, ..
                },
            ) => secret.forget().await == Reread::Useful,
            None => false,
        }
    }

    async fn request(&self, query: &str, window: Window) -> Result<RequestBuilder, QueryError> {
        // A form rather than the URL: a long query passes every proxy.
        let (url, form) = match window {
            Window::Instant { at } => (&self.instant, vec![("time", seconds(at))]),
            Window::Range { end, length, step } => {
                let start = end.checked_sub(length).unwrap_or(Timestamp::MIN);
                let step = format!("{}ms", step.as_millis());
                let form = vec![
                    ("start", seconds(start)),
                    ("end", seconds(end)),
                    ("step", step),
                ];
                (&self.range, form)
            }
        };
        let common = [
            ("query", query.to_owned()),
            ("timeout", format!("{}ms", self.limits.timeout.as_millis())),
            // One more than allowed tells "too many" from "just as many". Servers that do not
            // know the parameter send all of them, and are cut off by size.
            ("limit", (self.limits.series + 1).to_string()),
            // Thanos: no partial responses.
            ("partial_response", "false".to_owned()),
        ];
        let request = self
            .http
            .post(url.clone())
            .form(&[&form[..], &common[..]].concat());
        Ok(match &self.credential {
            None => request,
            Some(Credential::Bearer(token)) => request.bearer_auth(token.read().await?),
            Some(Credential::Basic { username, password }) => {
                request.basic_auth(username, Some(password.read().await?))
            }
        })
    }

    /// Reads the body up to the limit, whatever length the server announces.
    async fn read(&self, mut response: Response) -> Result<Vec<u8>, QueryError> {
        let limit = self.limits.bytes;
        let announced = response.content_length().unwrap_or(0);
        if announced > limit as u64 {
            return Err(QueryError::TooLarge(limit));
        }
        let mut body = Vec::with_capacity(usize::try_from(announced).unwrap_or(0));
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| self.explain(error))?
        {
            if body.len() + chunk.len() > limit {
                return Err(QueryError::TooLarge(limit));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// Logs the whole cause for the operator, and returns the error for the policy.
    fn explain(&self, error: reqwest::Error) -> QueryError {
        let failure = QueryError::from_transport(&error, self.limits.timeout);
        let error = error.without_url();
        tracing::debug!(source = self.source, error = %chain(&error), "metrics source failed");
        failure
    }
}

fn http_client(
    headers: reqwest::header::HeaderMap,
    trust: Trust,
    timeout: Duration,
) -> Result<reqwest::Client, SourceError> {
    let builder = reqwest::Client::builder()
        .user_agent(concat!("rollgate/", env!("CARGO_PKG_VERSION")))
        .default_headers(headers)
        .redirect(Policy::none())
        .no_proxy()
        .connect_timeout(timeout)
        .pool_idle_timeout(IDLE_TIMEOUT);
    let builder = match trust.into_config().map_err(|error| no_tls(&error))? {
        Some(config) => builder.tls_backend_preconfigured(config),
        None => builder.tls_certs_only([]),
    };
    builder
        .build()
        .map_err(|error| no_tls(&error.without_url()))
}

fn no_tls(error: &dyn Error) -> SourceError {
    SourceError {
        pointer: "/spec/prometheus/caFile".to_owned(),
        message: format!(
            "no TLS client can be set up ({}): where the system has no certificate \
             authorities, name a file of them in caFile",
            chain(error)
        ),
    }
}

fn is_closed_early(error: &reqwest::Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        if error
            .downcast_ref::<hyper::Error>()
            .is_some_and(hyper::Error::is_incomplete_message)
        {
            return true;
        }
        cause = error.source();
    }
    false
}

fn content_type(response: &Response) -> Option<String> {
    let value = response.headers().get(CONTENT_TYPE)?.to_str().ok()?;
    let essence = value.split(';').next().unwrap_or(value).trim();
    Some(super::failure::server_text(essence))
}

/// Formats seconds since 1970 with milliseconds, Prometheus' precision.
fn seconds(at: Timestamp) -> String {
    let millis = at.as_millisecond();
    let sign = if millis < 0 { "-" } else { "" };
    let millis = millis.unsigned_abs();
    format!("{sign}{}.{:03}", millis / 1000, millis % 1000)
}

fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
