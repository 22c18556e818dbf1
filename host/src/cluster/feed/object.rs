//! One object that is followed, and what names it.

use std::fmt;
use std::sync::Arc;

use kube::ResourceExt as _;
use kube::api::{ApiResource, DynamicObject};

use crate::cluster::crd::{ClusterRolloutPolicy, MetricSource, RolloutPolicy};
use crate::config::ObjectHead;

/// A kind that is followed. The order is that in which policies answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Followed {
    /// `ClusterRolloutPolicy`.
    ClusterRolloutPolicy,
    /// `RolloutPolicy`.
    RolloutPolicy,
    /// `MetricSource`.
    MetricSource,
}

impl Followed {
    pub(super) const ALL: [Self; 3] = [
        Self::ClusterRolloutPolicy,
        Self::RolloutPolicy,
        Self::MetricSource,
    ];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClusterRolloutPolicy => "ClusterRolloutPolicy",
            Self::RolloutPolicy => "RolloutPolicy",
            Self::MetricSource => "MetricSource",
        }
    }

    /// The resource behind the kind.
    pub(in crate::cluster) fn resource(self) -> ApiResource {
        match self {
            Self::ClusterRolloutPolicy => ApiResource::erase::<ClusterRolloutPolicy>(&()),
            Self::RolloutPolicy => ApiResource::erase::<RolloutPolicy>(&()),
            Self::MetricSource => ApiResource::erase::<MetricSource>(&()),
        }
    }
}

/// Names an object. Displays as people write it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Its kind.
    pub kind: Followed,
    /// Its namespace, where the kind has one.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.kind.as_str())?;
        if let Some(namespace) = &self.namespace {
            write!(f, "{namespace}/")?;
        }
        f.write_str(&self.name)
    }
}

/// An object as the API server holds it. Its spec is not held to any type yet: an object that this
/// version of rollgate does not understand must not end the watch of the others.
#[derive(Clone, Debug)]
pub struct Object {
    kind: Followed,
    object: Arc<DynamicObject>,
}

impl Object {
    /// One of this kind.
    #[must_use]
    pub fn new(kind: Followed, object: Arc<DynamicObject>) -> Self {
        Self { kind, object }
    }

    /// What names it.
    #[must_use]
    pub fn key(&self) -> Key {
        Key {
            kind: self.kind,
            namespace: self.object.namespace(),
            name: self.object.name_any(),
        }
    }

    /// What names it and the version of its spec, for reading it.
    #[must_use]
    pub(crate) fn head(&self) -> ObjectHead {
        ObjectHead {
            namespace: self.object.namespace(),
            name: self.object.name_any(),
            generation: self.generation(),
        }
    }

    /// Tells it from one of the same name before or after it.
    #[must_use]
    pub fn uid(&self) -> &str {
        self.object.metadata.uid.as_deref().unwrap_or_default()
    }

    /// The generation of its spec.
    #[must_use]
    pub fn generation(&self) -> Option<i64> {
        self.object.metadata.generation
    }

    /// The version of all of it, its status included.
    #[must_use]
    pub fn resource_version(&self) -> Option<&str> {
        self.object.metadata.resource_version.as_deref()
    }

    /// All of it but the metadata.
    #[must_use]
    pub fn data(&self) -> &serde_json::Value {
        &self.object.data
    }
}
