//! Why the API server gave no answer, for policies and for people.

use rollgate_model::{ClusterError, ClusterErrorCode};

use super::discovery::Resource;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Failure {
    /// The API server answered with an error.
    #[error("the API server answered with status {status}{}", because(.message))]
    Refused {
        /// The HTTP status.
        status: u16,
        /// What it said.
        message: String,
    },
    /// It did not answer in time.
    #[error("the API server did not answer in time")]
    Timeout,
    /// The answer has too many bytes.
    #[error("the answer of the API server is too large")]
    TooLarge,
    /// There is no way to it.
    #[error("the API server cannot be reached: {0}")]
    Unreachable(String),
    /// The answer makes no sense.
    #[error("the answer of the API server cannot be read: {0}")]
    Odd(String),
}

fn because(message: &str) -> String {
    if message.is_empty() {
        String::new()
    } else {
        format!(": {message}")
    }
}

impl From<kube::Error> for Failure {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Self::Refused {
                status: status.code,
                message: status.message,
            },
            kube::Error::SerdeError(error) => Self::Odd(error.to_string()),
            other => Self::Unreachable(cause(&other)),
        }
    }
}

/// The innermost cause says it best: "connection refused".
fn cause(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

impl Failure {
    /// As the answer to a policy that asked for objects of a kind.
    pub(super) fn about(self, resource: &Resource, verb: &str, place: &str) -> ClusterError {
        match self {
            Self::Refused { status: 403, .. } => ClusterError {
                code: ClusterErrorCode::Forbidden,
                message: format!(
                    "rollgate itself may not {verb} {} {place}; {}",
                    resource.plural,
                    resource.missing_rule()
                ),
            },
            other => other.into_error(),
        }
    }

    /// As the answer to a policy.
    pub(super) fn into_error(self) -> ClusterError {
        let code = match &self {
            Self::Timeout => ClusterErrorCode::Timeout,
            Self::TooLarge => ClusterErrorCode::TooLarge,
            Self::Refused { status: 400, .. } => ClusterErrorCode::Invalid,
            Self::Refused { status: 403, .. } => ClusterErrorCode::Forbidden,
            Self::Refused { status: 404, .. } => ClusterErrorCode::NotFound,
            Self::Refused { .. } | Self::Unreachable(_) | Self::Odd(_) => {
                ClusterErrorCode::Unavailable
            }
        };
        ClusterError {
            code,
            message: self.to_string(),
        }
    }
}
