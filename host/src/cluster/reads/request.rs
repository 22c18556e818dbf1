//! Requests to the API server, with limits of time and size, and their errors.

use std::time::Duration;

use hyper::Request;
use kube::Client;
use kube::client::Body;
use rollgate_model::{ClusterError, ClusterErrorCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::discovery::Resource;
use super::response::Response;

/// How long a request may take. Reviews give up earlier, by their deadline; this ends requests that
/// continue without them.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Sends a request, and parses the JSON of the response.
pub(super) async fn fetch<T: DeserializeOwned>(
    client: &Client,
    request: Request<Vec<u8>>,
) -> Result<T, RequestError> {
    let response = send(client, request).await?;
    serde_json::from_slice(&response.bytes)
        .map_err(|error| RequestError::Malformed(error.to_string()))
}

/// Sends a request, and returns the response to a successful one.
pub(super) async fn send(
    client: &Client,
    request: Request<Vec<u8>>,
) -> Result<Response, RequestError> {
    let response = async {
        let response = client.send(request.map(Body::from)).await?;
        let status = response.status();
        let response = Response::read(response.into_body()).await?;
        if status.is_success() {
            return Ok(response);
        }
        Err(RequestError::Status {
            status: status.as_u16(),
            message: status_message(&response.bytes),
        })
    };
    timeout(TIMEOUT, response)
        .await
        .unwrap_or(Err(RequestError::Timeout))
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
