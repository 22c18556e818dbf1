//! The kinds of object that rollgate knows.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A kind of object that can be rolled out.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub enum Kind {
    /// `apps/v1` Deployment.
    Deployment,
    /// `apps/v1` StatefulSet.
    StatefulSet,
    /// `apps/v1` DaemonSet.
    DaemonSet,
    /// `argoproj.io/v1alpha1` Rollout.
    Rollout,
    /// `v1` Service.
    Service,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 5] = [
        Self::Deployment,
        Self::StatefulSet,
        Self::DaemonSet,
        Self::Rollout,
        Self::Service,
    ];

    /// Returns the kind of an object with this `apiVersion` and `kind`; `None` for any other.
    #[must_use]
    pub fn of(api_version: &str, kind: &str) -> Option<Self> {
        kind.parse()
            .ok()
            .filter(|kind: &Self| kind.api_version() == api_version)
    }

    /// Returns the present kind of an object in an API version that Kubernetes 1.16 removed.
    ///
    /// Source: Kubernetes' deprecated API migration guide.
    #[must_use]
    pub fn formerly(api_version: &str, kind: &str) -> Option<Self> {
        let kind = kind.parse().ok()?;
        match (api_version, kind) {
            ("extensions/v1beta1", Self::Deployment | Self::DaemonSet)
            | ("apps/v1beta1", Self::Deployment | Self::StatefulSet)
            | ("apps/v1beta2", Self::Deployment | Self::StatefulSet | Self::DaemonSet) => {
                Some(kind)
            }
            _ => None,
        }
    }

    /// Returns the kind with this API group and plural resource name, as an admission request has
    /// them.
    #[must_use]
    pub fn of_resource(group: &str, resource: &str) -> Option<Self> {
        match (group, resource) {
            ("apps", "deployments") => Some(Self::Deployment),
            ("apps", "statefulsets") => Some(Self::StatefulSet),
            ("apps", "daemonsets") => Some(Self::DaemonSet),
            ("argoproj.io", "rollouts") => Some(Self::Rollout),
            ("", "services") => Some(Self::Service),
            _ => None,
        }
    }

    /// Returns the `kind` of such an object.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
            Self::Rollout => "Rollout",
            Self::Service => "Service",
        }
    }

    /// Returns the `apiVersion` of such an object.
    #[must_use]
    pub const fn api_version(self) -> &'static str {
        match self {
            Self::Deployment | Self::StatefulSet | Self::DaemonSet => "apps/v1",
            Self::Rollout => "argoproj.io/v1alpha1",
            Self::Service => "v1",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The error for a word that is no kind of workload.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a kind of workload: expected Deployment, StatefulSet, DaemonSet, Rollout or Service"
)]
pub struct UnknownKind(pub String);

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(word: &str) -> Result<Self, UnknownKind> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == word)
            .ok_or_else(|| UnknownKind(word.to_owned()))
    }
}
