//! Requests to the API server, with limits of time and size, and their errors.

use std::time::Duration;

use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::Request;
use kube::Client;
use kube::api::ListParams;
use kube::client::Body;
use rollgate_model::{ClusterError, ClusterErrorCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::discovery::Resource;

/// How long a request may take. Reviews give up earlier, by their deadline; this ends requests that
/// continue without them.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The most bytes of a response. An object has up to 1.5 MiB (etcd's limit of a request).
const MAX_BYTES: usize = 16 << 20;

/// Sends a request, and parses the JSON of the response.
pub(super) async fn fetch<T: DeserializeOwned>(
    client: &Client,
    request: Request<Vec<u8>>,
) -> Result<T, RequestError> {
    let response = timeout(TIMEOUT, send(client, request)).await;
    let bytes = response.unwrap_or(Err(RequestError::Timeout))?;
    serde_json::from_slice(&bytes).map_err(|error| RequestError::Malformed(error.to_string()))
}

async fn send(client: &Client, request: Request<Vec<u8>>) -> Result<Vec<u8>, RequestError> {
    let response = client.send(request.map(Body::from)).await?;
    let status = response.status();
    let body = Limited::new(response.into_body(), MAX_BYTES);
    let bytes = match body.collect().await {
        Ok(body) => body.to_bytes().to_vec(),
        Err(error) if error.is::<LengthLimitError>() => return Err(RequestError::TooLarge),
        Err(error) => return Err(RequestError::Unreachable(error.to_string())),
    };
    if status.is_success() {
        return Ok(bytes);
    }
    Err(RequestError::Status {
        status: status.as_u16(),
        message: status_message(&bytes),
    })
}

/// Returns the message of a `Status`; the response of a proxy may be anything.
fn status_message(bytes: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Status {
        message: String,
    }
    let status = serde_json::from_slice::<Status>(bytes);
    status.map(|status| status.message).unwrap_or_default()
}

const PAGE: u32 = 100;

/// A list, read page by page.
pub(super) struct Pages<'a> {
    client: &'a Client,
    list: kube::core::Request,
    params: ListParams,
    ended: bool,
}

#[derive(Deserialize)]
struct Page<T> {
    metadata: PageMetadata,
    // A list without objects may come as `null` from an aggregated API.
    items: Option<Vec<T>>,
}

#[derive(Deserialize)]
struct PageMetadata {
    #[serde(default, rename = "continue")]
    next: Option<String>,
}

impl<'a> Pages<'a> {
    /// Lists the objects under a path that a label selector selects; empty selects all.
    pub(super) fn new(client: &'a Client, path: String, selector: &str) -> Self {
        let params = ListParams::default().limit(PAGE);
        Self::with(client, path, selector, params)
    }

    /// Lists them as they are in the API server's cache, in one page. Otherwise the API server first waits
    /// up to 100 ms until its cache has caught up with etcd, even if only objects of other kinds were
    /// written (KEP-2340).
    pub(super) fn cached(client: &'a Client, path: String, selector: &str) -> Self {
        let params = ListParams::default().match_any();
        Self::with(client, path, selector, params)
    }

    fn with(client: &'a Client, path: String, selector: &str, params: ListParams) -> Self {
        let params = match selector {
            "" => params,
            labels => params.labels(labels),
        };
        Self {
            client,
            list: kube::core::Request::new(path),
            params,
            ended: false,
        }
    }

    /// Reads the next page; `None` after the last.
    pub(super) async fn next<T: DeserializeOwned>(
        &mut self,
    ) -> Result<Option<Vec<T>>, RequestError> {
        if self.ended {
            return Ok(None);
        }
        let request = self.list.list(&self.params);
        let request = request.map_err(|error| RequestError::Malformed(error.to_string()))?;
        let page: Page<T> = fetch(self.client, request).await?;
        self.params.continue_token = page.metadata.next.filter(|token| !token.is_empty());
        self.ended = self.params.continue_token.is_none();
        Ok(Some(page.items.unwrap_or_default()))
    }
}

/// Why a request failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum RequestError {
    #[error("the API server answered with status {status}{}", after_colon(.message))]
    Status { status: u16, message: String },
    #[error("the API server did not answer in time")]
    Timeout,
    #[error("the answer of the API server is too large")]
    TooLarge,
    #[error("the API server cannot be reached: {0}")]
    Unreachable(String),
    #[error("the answer of the API server cannot be read: {0}")]
    Malformed(String),
}

fn after_colon(message: &str) -> String {
    if message.is_empty() {
        String::new()
    } else {
        format!(": {message}")
    }
}

impl From<kube::Error> for RequestError {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Self::Status {
                status: status.code,
                message: status.message,
            },
            kube::Error::SerdeError(error) => Self::Malformed(error.to_string()),
            other => Self::Unreachable(innermost(&other)),
        }
    }
}

/// Returns the message of the innermost source, such as "connection refused".
fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

impl RequestError {
    /// Converts it for a policy that has requested objects of a kind.
    pub(super) fn for_resource(self, resource: &Resource, verb: &str, place: &str) -> ClusterError {
        match self {
            Self::Status { status: 403, .. } => ClusterError {
                code: ClusterErrorCode::Forbidden,
                message: format!(
                    "rollgate itself may not {verb} {} {place}; {}",
                    resource.plural,
                    resource.missing_rule()
                ),
            },
            other => other.into_cluster_error(),
        }
    }

    /// Converts it for a policy.
    pub(super) fn into_cluster_error(self) -> ClusterError {
        let code = match &self {
            Self::Timeout => ClusterErrorCode::Timeout,
            Self::TooLarge => ClusterErrorCode::TooLarge,
            Self::Status { status: 400, .. } => ClusterErrorCode::Invalid,
            Self::Status { status: 403, .. } => ClusterErrorCode::Forbidden,
            Self::Status { status: 404, .. } => ClusterErrorCode::NotFound,
            Self::Status { .. } | Self::Unreachable(_) | Self::Malformed(_) => {
                ClusterErrorCode::Unavailable
            }
        };
        ClusterError {
            code,
            message: self.to_string(),
        }
    }
}
