//! Objects of the cluster, within the policy's grants. Secrets are never granted. Not available in
//! [`Policy::new`](crate::Policy::new).

use crate::words::words;
use crate::{Failure, sys};
use serde::de::DeserializeOwned;

/// Why a read failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterError {
    /// The kind of failure.
    pub code: ClusterErrorCode,
    /// A message for people.
    pub message: String,
}

words! {
    /// The kinds of failure of a read.
    ClusterErrorCode {
        /// The policy has no grant for this kind.
        NotGranted = "not-granted",
        /// There is no such object.
        NotFound = "not-found",
        /// The host itself may not read it.
        Forbidden = "forbidden",
        /// The cluster did not answer in time.
        Timeout = "timeout",
        /// The answer has too many bytes or objects.
        TooLarge = "too-large",
        /// Too many host calls in one evaluation.
        Limit = "limit",
        /// An argument is malformed.
        Invalid = "invalid",
        /// The cluster could not be reached.
        Unavailable = "unavailable",
        /// There is nothing to read from: rollgate is not connected to a cluster, or the manifests
        /// that it checks have no object of the kind. A cluster without such objects answers with
        /// an empty list instead.
        NotSeen = "not-seen",
        /// The object does not deserialize as the requested type (reported by the SDK).
        Malformed = "malformed",
    }
}

/// Reads one object. `namespace` is empty for a cluster-scoped kind. `T` is a type with the fields
/// of interest, or [`serde_json::Value`].
///
/// # Errors
/// The read failed, or the object does not deserialize as `T`.
pub fn get<T: DeserializeOwned>(
    api_version: &str,
    kind: &str,
    namespace: &str,
    name: &str,
) -> Result<T, ClusterError> {
    parse(kind, &sys::get(api_version, kind, namespace, name)?)
}

/// Lists the objects of one kind, sorted by namespace and name. An empty `namespace` means all.
/// `label_selector` is in kubectl's syntax; empty means all.
///
/// # Errors
/// The read failed, or an object does not deserialize as `T`.
pub fn list<T: DeserializeOwned>(
    api_version: &str,
    kind: &str,
    namespace: &str,
    label_selector: &str,
) -> Result<Vec<T>, ClusterError> {
    let objects = sys::list(api_version, kind, namespace, label_selector)?;
    objects.iter().map(|text| parse(kind, text)).collect()
}

/// Reads one object like [`get`], but never from a cache. The result of `get` may be a few seconds
/// old; use this where the policy compares state.
///
/// # Errors
/// As [`get`].
pub fn get_fresh<T: DeserializeOwned>(
    api_version: &str,
    kind: &str,
    namespace: &str,
    name: &str,
) -> Result<T, ClusterError> {
    parse(kind, &sys::get_fresh(api_version, kind, namespace, name)?)
}

/// Lists objects like [`list`], but never from a cache. The result of `list` may be a few seconds
/// old; use this where the policy counts.
///
/// # Errors
/// As [`list`].
pub fn list_fresh<T: DeserializeOwned>(
    api_version: &str,
    kind: &str,
    namespace: &str,
    label_selector: &str,
) -> Result<Vec<T>, ClusterError> {
    let objects = sys::list_fresh(api_version, kind, namespace, label_selector)?;
    objects.iter().map(|text| parse(kind, text)).collect()
}

pub(crate) fn parse<T: DeserializeOwned>(kind: &str, text: &str) -> Result<T, ClusterError> {
    serde_json::from_str(text).map_err(|error| ClusterError {
        code: ClusterErrorCode::Malformed,
        message: format!("a {kind} of the cluster is not as expected: {error}"),
    })
}

impl std::fmt::Display for ClusterError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ClusterError {}

impl From<ClusterError> for Failure {
    fn from(error: ClusterError) -> Self {
        Self::source(error.message)
    }
}
