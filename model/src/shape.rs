//! The error for an object that does not have the shape of its kind.

use crate::kind::Kind;

/// Why an object could not be parsed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// A field has another type than in its API.
    #[error("{}: expected {expected}, found {found}", if pointer.is_empty() { "the object" } else { pointer })]
    Wrong {
        /// RFC 6901 pointer to the field; empty means the object as a whole.
        pointer: String,
        /// What was expected.
        expected: String,
        /// What was found, in a few words.
        found: String,
    },
    /// The object has an API version that Kubernetes no longer serves.
    #[error("{api_version} {kind} is no longer served since Kubernetes 1.16: write `apiVersion: {}`", kind.api_version())]
    NoLongerServed {
        /// The object's `apiVersion`.
        api_version: String,
        /// Its present kind.
        kind: Kind,
    },
    /// The object is not a workload.
    #[error(
        "{api_version} {kind} is not a workload that rollgate supports (Deployment, StatefulSet and DaemonSet of apps/v1, Rollout of argoproj.io/v1alpha1, Service of v1)"
    )]
    OtherKind {
        /// The object's `apiVersion`.
        api_version: String,
        /// The object's `kind`.
        kind: String,
    },
    /// An admission request has no object, but its operation requires one.
    #[error("the request has no `{field}`, which every {operation} has")]
    Missing {
        /// `object` or `oldObject`.
        field: &'static str,
        /// The admission operation.
        operation: &'static str,
    },
}

impl ShapeError {
    /// Returns the RFC 6901 pointer to the error; empty where it is the object as a whole.
    #[must_use]
    pub fn pointer(&self) -> &str {
        match self {
            Self::Wrong { pointer, .. } => pointer,
            Self::NoLongerServed { .. } | Self::OtherKind { .. } => "/apiVersion",
            Self::Missing { .. } => "",
        }
    }
}
