//! An admission request: what of an AdmissionReview matters here.

use std::fmt;
use std::str::FromStr;

use serde_json::Value;

use crate::kind::Kind;
use crate::shape::ShapeError;
use crate::workload::Workload;

/// The parts of an AdmissionReview's request that matter here.
#[derive(Clone, Debug)]
pub struct Request {
    /// `operation`.
    pub operation: Operation,
    /// `subResource`, with the resource it belongs to.
    pub sub_resource: SubResource,
    /// `namespace`.
    pub namespace: Option<String>,
    /// `userInfo.username`; empty on a dry-run from files.
    pub user: String,
    /// `userInfo.groups`.
    pub groups: Vec<String>,
    /// `dryRun`.
    pub dry_run: bool,
    /// `object`.
    pub object: Option<Value>,
    /// `oldObject`.
    pub old_object: Option<Value>,
}

impl Request {
    /// A request lacks neither the object nor the old object that its operation always has.
    pub(crate) fn check_objects(&self) -> Result<(), ShapeError> {
        let missing = |field, object: &Option<Value>| {
            let absent = object.as_ref().is_none_or(Value::is_null);
            if absent {
                Err(ShapeError::Missing {
                    field,
                    operation: self.operation.as_str(),
                })
            } else {
                Ok(())
            }
        };
        match self.operation {
            Operation::Create => missing("object", &self.object),
            Operation::Update => {
                missing("object", &self.object).and(missing("oldObject", &self.old_object))
            }
            Operation::Delete => missing("oldObject", &self.old_object),
            Operation::Connect => Ok(()),
        }
    }
}

/// An admission operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// An object is created.
    Create,
    /// An object is changed.
    Update,
    /// An object is deleted.
    Delete,
    /// A connection to a subresource such as `exec`.
    Connect,
}

impl Operation {
    /// The word of the admission API, such as `UPDATE`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
            Self::Connect => "CONNECT",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that names no admission operation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no admission operation; known are CREATE, UPDATE, DELETE and CONNECT")]
pub struct UnknownOperation(pub String);

impl FromStr for Operation {
    type Err = UnknownOperation;

    fn from_str(word: &str) -> Result<Self, UnknownOperation> {
        [Self::Create, Self::Update, Self::Delete, Self::Connect]
            .into_iter()
            .find(|operation| operation.as_str() == word)
            .ok_or_else(|| UnknownOperation(word.to_owned()))
    }
}

/// The part of a resource that a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubResource {
    /// The object itself.
    None,
    /// `/status`.
    Status,
    /// `/scale` of this kind; the request's objects are `Scale`s.
    Scale(Kind),
    /// Anything else.
    Other,
}

impl SubResource {
    /// From the `subResource` and the `resource` (group and plural name) of a request.
    #[must_use]
    pub fn of(sub_resource: &str, group: &str, resource: &str) -> Self {
        match (sub_resource, Kind::of_resource(group, resource)) {
            ("", _) => Self::None,
            ("status", _) => Self::Status,
            ("scale", Some(kind)) => Self::Scale(kind),
            _ => Self::Other,
        }
    }

    pub(crate) fn never_a_rollout(self, operation: Operation) -> Option<&'static str> {
        match (self, operation) {
            (_, Operation::Connect) => Some("a CONNECT changes no object"),
            (Self::Other, _) => Some("this subresource changes no template"),
            _ => None,
        }
    }

    pub(crate) fn parse(
        self,
        tree: Value,
        namespace: Option<&str>,
    ) -> Result<Workload, ShapeError> {
        match self {
            Self::Scale(kind) => Workload::parse_scale(kind, tree, namespace),
            Self::None | Self::Status | Self::Other => Workload::parse(tree, namespace),
        }
    }
}
