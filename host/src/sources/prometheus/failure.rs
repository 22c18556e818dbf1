//! Errors of queries. Their messages contain no addresses and no credentials, because policies may show
//! them to users.

use std::error::Error;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rollgate_model::{MetricsError, MetricsErrorCode};
use rustls::{CertificateError, OtherError};

use super::secret::SecretError;
use super::trust::Refused;
use crate::telemetry::text::short_line;

/// The longest text of the server that is passed on, in characters.
const MAX_TEXT: usize = 300;

#[derive(Debug, PartialEq, thiserror::Error)]
pub(super) enum QueryError {
    #[error("did not answer within {0:?}")]
    Timeout(Duration),
    #[error("gave up on the query: it takes too long to evaluate")]
    ServerTimeout,
    #[error("got no query in time: this one waited {0:?} behind other queries to it")]
    Busy(Duration),
    #[error("answers with more than {0} bytes: ask for fewer series or points")]
    TooLarge(usize),
    #[error("answers with more than {0} series: aggregate them, for example with sum() or max()")]
    TooManySeries(usize),
    #[error("cannot evaluate the query: {0}")]
    Query(String),
    #[error(
        "answers with a redirect (HTTP {0}), which is not followed: the url of the MetricSource \
         must be the final one"
    )]
    Redirect(u16),
    #[error(
        "refuses the credentials (HTTP {0}): check bearerToken or basicAuth of the MetricSource"
    )]
    Credentials(u16),
    #[error(
        "has no Prometheus API at the address given (HTTP {0}): check the path of the url of the \
         MetricSource"
    )]
    NoApi(u16),
    #[error("is overloaded and turns queries away (HTTP 429)")]
    Overloaded,
    #[error("fails with HTTP {status}{}", of_type(content_type.as_deref()))]
    Status {
        status: u16,
        content_type: Option<String>,
    },
    #[error("fails with the error {0:?}")]
    Server(String),
    #[error(
        "gives no Prometheus answer{}: is a proxy or a login page in front of it?",
        of_type(content_type.as_deref())
    )]
    NotPrometheus { content_type: Option<String> },
    #[error("gives a part of the data only, because some of its own sources are down")]
    Partial,
    #[error("cannot be reached: {0}")]
    Unreachable(String),
    #[error("cannot be queried: {0}")]
    Secret(#[from] SecretError),
    #[error("could not be queried because of a bug in rollgate")]
    Internal,
}

fn of_type(content_type: Option<&str>) -> String {
    content_type
        .map(|name| format!(", with content of type {name}"))
        .unwrap_or_default()
}

impl QueryError {
    /// Converts it for a policy, with the name of the source.
    pub(super) fn of(&self, source: &str) -> MetricsError {
        MetricsError {
            code: self.code(),
            message: format!("metrics source {source:?} {self}"),
        }
    }

    fn code(&self) -> MetricsErrorCode {
        match self {
            Self::Timeout(_) | Self::ServerTimeout | Self::Busy(_) => MetricsErrorCode::Timeout,
            Self::TooLarge(_) => MetricsErrorCode::TooLarge,
            Self::TooManySeries(_) => MetricsErrorCode::TooManySeries,
            Self::Query(_) => MetricsErrorCode::BadQuery,
            Self::Redirect(_)
            | Self::Credentials(_)
            | Self::NoApi(_)
            | Self::Overloaded
            | Self::Status { .. }
            | Self::Server(_)
            | Self::NotPrometheus { .. }
            | Self::Partial
            | Self::Unreachable(_)
            | Self::Secret(_)
            | Self::Internal => MetricsErrorCode::Unavailable,
        }
    }

    /// Returns whether the HTTP status alone decides the error: the API itself answers a query with 2xx,
    /// 400, 422, 500 or 503.
    pub(super) const fn is_decided_by_status(status: u16) -> bool {
        matches!(status, 300..=399 | 401 | 403 | 404 | 405 | 429)
    }

    /// Returns the error of an HTTP response that is not one of the API.
    pub(super) fn from_status(status: u16, content_type: Option<String>) -> Self {
        match status {
            200..=299 => Self::NotPrometheus { content_type },
            300..=399 => Self::Redirect(status),
            401 | 403 => Self::Credentials(status),
            404 | 405 => Self::NoApi(status),
            429 => Self::Overloaded,
            _ => Self::Status {
                status,
                content_type,
            },
        }
    }

    /// Returns the error of an error response of the API. Its types are those of Prometheus'
    /// [`web/api/v1`](https://github.com/prometheus/prometheus/blob/main/web/api/v1/api.go).
    pub(super) fn from_api(error_type: &str, text: &str) -> Self {
        match error_type {
            "bad_data" | "execution" => Self::Query(without_addresses(&server_text(text))),
            "timeout" => Self::ServerTimeout,
            _ => Self::Server(server_text(error_type)),
        }
    }

    /// Returns the error of a request without a response. The message of `error` names the address, so
    /// this one is made from its cause.
    pub(super) fn from_transport(error: &reqwest::Error, timeout: Duration) -> Self {
        if error.is_timeout() {
            return Self::Timeout(timeout);
        }
        if error.is_dns() {
            return Self::Unreachable("its name cannot be resolved".to_owned());
        }
        if let Some(tls) = cause::<rustls::Error>(error) {
            return Self::Unreachable(tls_words(tls));
        }
        match cause::<io::Error>(error) {
            Some(io) if io.kind() == io::ErrorKind::TimedOut => Self::Timeout(timeout),
            Some(io) => Self::Unreachable(io.kind().to_string()),
            None => Self::Unreachable("the connection broke off".to_owned()),
        }
    }
}

/// Returns the innermost cause of a type. An `io::Error` may contain an error that its `source` skips.
fn cause<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let inner = match error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref)
    {
        Some(inner) => Some(inner as &(dyn Error + 'static)),
        None => error.source(),
    };
    inner.and_then(cause).or_else(|| error.downcast_ref())
}

pub(super) fn tls_words(error: &rustls::Error) -> String {
    let rustls::Error::InvalidCertificate(certificate) = error else {
        return "the TLS handshake failed".to_owned();
    };
    let why = match certificate {
        CertificateError::UnknownIssuer => "its authority is not trusted: set ca or caFile",
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "it has expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet"
        }
        CertificateError::NotValidForNameContext { presented, .. } if presented.is_empty() => {
            "it names no host in subjectAltName, and a name in CN alone does not count: make it anew \
             with one"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "it is made for another name"
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "it is not made for servers (extendedKeyUsage)"
        }
        CertificateError::Other(OtherError(other)) => match other.downcast_ref::<Refused>() {
            Some(refused) => return format!("its TLS certificate is refused, {refused}"),
            None => "it is not valid",
        },
        _ => "it is not valid",
    };
    format!("its TLS certificate is refused, {why}")
}

/// Returns text of the server as one line of limited length.
pub(super) fn server_text(text: &str) -> String {
    short_line(text, MAX_TEXT).into_owned()
}

/// Hides addresses: Thanos names its stores in errors.
fn without_addresses(text: &str) -> String {
    let hide = |word| if is_address(word) { "(address)" } else { word };
    text.split(' ').map(hide).collect::<Vec<_>>().join(" ")
}

fn is_address(word: &str) -> bool {
    let word = word.trim_matches(|c: char| matches!(c, ',' | ';' | '"' | '\'' | '(' | ')' | '.'));
    let word = word.strip_suffix(':').unwrap_or(word);
    let host_and_port = |(host, port): (&str, &str)| {
        let in_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
        !host.is_empty() && host.chars().all(in_name) && port.parse::<u16>().is_ok()
    };
    word.contains("://")
        || word.parse::<IpAddr>().is_ok()
        || word.parse::<SocketAddr>().is_ok()
        // Prometheus writes the position of a syntax error as `1:14`.
        || word.rsplit_once(':').is_some_and(|parts| {
            host_and_port(parts) && parts.0.contains(|c: char| c.is_ascii_alphabetic())
        })
}

#[cfg(test)]
mod tests;
