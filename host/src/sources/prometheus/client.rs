//! One HTTP client for each source: asks within a time, reads within a size.

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
use super::failure::Failure;
use super::secret::Reread;
use super::settings::{Credential, Limits, Settings};
use super::trust::Trust;
use crate::sources::SourceError;

/// How many queries one source is asked at a time: bounds the memory that answers take, and what
/// a policy with ever new queries can put on the server. Prometheus evaluates 20 at a time
/// (`--query.max-concurrency`).
const MOST_AT_A_TIME: usize = 8;

/// Shorter than the idle timeout of servers and proxies (nginx: 75 s), so that a connection is
/// seldom closed on us just as we use it.
const IDLE: Duration = Duration::from_secs(30);

/// Asks one server.
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
            slots: Semaphore::new(MOST_AT_A_TIME),
        })
    }

    /// Evaluates a query; says why in the log where that fails.
    pub(super) async fn fetch(&self, query: &str, window: Window) -> Result<Answer, Failure> {
        let answer = self.ask_in_turn(query, window).await;
        if let Err(failure) = &answer {
            tracing::warn!(source = self.source, query, "metrics source {failure}");
        }
        answer
    }

    /// Half of its time is left to a query that is sent: with less it would load the server for
    /// nothing.
    async fn ask_in_turn(&self, query: &str, window: Window) -> Result<Answer, Failure> {
        let limit = self.limits.timeout;
        let began = Instant::now();
        let Ok(_slot) = timeout(limit / 2, self.slots.acquire()).await else {
            return Err(Failure::Busy(limit / 2));
        };
        let asked = timeout_at(began + limit, self.ask(query, window)).await;
        asked.unwrap_or(Err(Failure::Timeout(limit)))
    }

    async fn ask(&self, query: &str, window: Window) -> Result<Answer, Failure> {
        let mut response = self.send(query, window).await?;
        if self.is_refused(&response).await {
            response = self.send(query, window).await?;
        }
        let status = response.status().as_u16();
        let content_type = content_type(&response);
        if Failure::is_told_by_status(status) {
            return Err(Failure::of_status(status, content_type));
        }
        let body = self.read(response).await?;
        let envelope = Answer::parse(&body);
        let Some(answer) = envelope.filter(|envelope| envelope.goes_with(status)) else {
            return Err(Failure::of_status(status, content_type));
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

    /// Sends once more where a kept connection was closed before any answer came: reading twice
    /// does no harm.
    async fn send(&self, query: &str, window: Window) -> Result<Response, Failure> {
        let first = self.request(query, window).await?.send().await;
        let answer = match first {
            Err(error) if is_closed_early(&error) => {
                self.request(query, window).await?.send().await
            }
            other => other,
        };
        answer.map_err(|error| self.explain(error))
    }

    /// Whether the credential may have been rotated since it was read.
    async fn is_refused(&self, response: &Response) -> bool {
        if response.status() != reqwest::StatusCode::UNAUTHORIZED {
            return false;
        }
        match &self.credential {
            Some(Credential::Bearer(held) | Credential::Basic { password: held, .. }) => {
                held.forget().await == Reread::Useful
            }
            None => false,
        }
    }

    async fn request(&self, query: &str, window: Window) -> Result<RequestBuilder, Failure> {
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
            // Thanos: rather no answer than half of one.
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

    /// Reads no more than is allowed, whatever the server says or leaves open of the length.
    async fn read(&self, mut response: Response) -> Result<Vec<u8>, Failure> {
        let limit = self.limits.bytes;
        let announced = response.content_length().unwrap_or(0);
        if announced > limit as u64 {
            return Err(Failure::TooLarge(limit));
        }
        let mut body = Vec::with_capacity(usize::try_from(announced).unwrap_or(0));
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| self.explain(error))?
        {
            if body.len() + chunk.len() > limit {
                return Err(Failure::TooLarge(limit));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// The operator's log gets the whole cause; the policy gets the kind of failure.
    fn explain(&self, error: reqwest::Error) -> Failure {
        let failure = Failure::of_transport(&error, self.limits.timeout);
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
        .pool_idle_timeout(IDLE);
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

/// Seconds since 1970 to the millisecond, which is what Prometheus keeps.
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
