//! The parts of an admission request that classification needs.

use std::fmt;
use std::str::FromStr;

use crate::json::Value;

use crate::classify::ARGO_HASH;
use crate::kind::Kind;
use crate::shape::ShapeError;
use crate::workload::Workload;

/// The parts of an AdmissionReview's request that classification and policies need.
///
/// [`Request::create`], [`Request::update`] and [`Request::delete`] fill in the rest with what a
/// request of an unknown user has; struct update syntax changes single fields:
///
/// ```
/// # use rollgate_model::Request;
/// # let object = serde_json::Value::Null;
/// let request = Request {
///     dry_run: true,
///     ..Request::create(object)
/// };
/// ```
#[derive(Clone, Debug)]
pub struct Request {
    /// `operation`.
    pub operation: Operation,
    /// `subResource`, with the resource it belongs to.
    pub sub_resource: SubResource,
    /// `namespace`.
    pub namespace: Option<String>,
    /// `userInfo.username`; empty where manifests are checked offline.
    pub user: String,
    /// `userInfo.groups`.
    pub groups: Vec<String>,
    /// Who that user is, as far as the class of the change depends on it.
    pub requester: Requester,
    /// `dryRun`.
    pub dry_run: bool,
    /// `object`.
    pub object: Option<Value>,
    /// `oldObject`.
    pub old_object: Option<Value>,
}

impl Request {
    /// A request that creates an object.
    #[must_use]
    pub fn create(object: impl Into<Value>) -> Self {
        Self::new(Operation::Create, None, Some(object.into()))
    }

    /// A request that changes an object from `old` to `new`.
    #[must_use]
    pub fn update(old: impl Into<Value>, new: impl Into<Value>) -> Self {
        Self::new(Operation::Update, Some(old.into()), Some(new.into()))
    }

    /// A request that deletes an object.
    #[must_use]
    pub fn delete(old: impl Into<Value>) -> Self {
        Self::new(Operation::Delete, Some(old.into()), None)
    }

    /// The request that turns `old` into `new`; `None` where there is neither.
    #[must_use]
    pub fn of_objects(
        old: Option<impl Into<Value>>,
        new: Option<impl Into<Value>>,
    ) -> Option<Self> {
        match (old, new) {
            (None, None) => None,
            (None, Some(new)) => Some(Self::create(new)),
            (Some(old), Some(new)) => Some(Self::update(old, new)),
            (Some(old), None) => Some(Self::delete(old)),
        }
    }

    const fn new(operation: Operation, old_object: Option<Value>, object: Option<Value>) -> Self {
        Self {
            operation,
            sub_resource: SubResource::None,
            namespace: None,
            user: String::new(),
            groups: Vec::new(),
            requester: Requester::Other,
            dry_run: false,
            object,
            old_object,
        }
    }

    /// Copies from the old object what applying a manifest does not change: the status of an Argo
    /// Rollout, which has a subresource of its own, and the hash that Argo Rollouts' controller put
    /// into the selector of a Service, which no manifest contains.
    #[must_use]
    pub fn as_applied(mut self) -> Self {
        let (Some(old), Some(new)) = (&self.old_object, &mut self.object) else {
            return self;
        };
        match (kind(old), kind(new)) {
            (Some(Kind::Rollout), Some(Kind::Rollout)) => keep_status(old, new),
            (Some(Kind::Service), Some(Kind::Service)) => keep_hash(old, new),
            _ => {}
        }
        self
    }

    /// Copies the status of an Argo Rollout from the old object.
    #[must_use]
    pub(crate) fn keeping_status(mut self) -> Self {
        if let (Some(old), Some(new)) = (&self.old_object, &mut self.object)
            && kind(old) == Some(Kind::Rollout)
        {
            keep_status(old, new);
        }
        self
    }

    /// Checks that the request has the objects that its operation always has.
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

fn kind(object: &Value) -> Option<Kind> {
    let word = |field| object.get(field)?.as_str();
    Kind::of(word("apiVersion")?, word("kind")?)
}

fn keep_status(old: &Value, new: &mut Value) {
    if let Some(new) = new.as_object_mut() {
        new.insert("status", old.field("status").clone());
    }
}

fn keep_hash(old: &Value, new: &mut Value) {
    let selector = new.pointer_mut("/spec/selector");
    let hash = old.field("spec").field("selector").field(ARGO_HASH);
    if let (Some(selector), Some(hash)) = (selector.and_then(Value::as_object_mut), hash.as_str())
        && selector.get(ARGO_HASH).is_none()
    {
        selector.insert(ARGO_HASH, hash.into());
    }
}

/// Who sends a request, as far as the class of a change depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requester {
    /// Argo Rollouts' controller: what it writes into a Rollout's status and into the
    /// `rollouts-pod-template-hash` of a Service are steps of a rollout that was evaluated before.
    ArgoController,
    /// Anybody else.
    Other,
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
    /// Returns the word of the admission API, such as `UPDATE`.
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

/// The error for a word that is no admission operation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an admission operation: expected CREATE, UPDATE, DELETE or CONNECT")]
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
    /// Recognizes the `subResource` and the `resource` (group and plural name) of a request.
    #[must_use]
    pub fn of(sub_resource: &str, group: &str, resource: &str) -> Self {
        match (sub_resource, Kind::of_resource(group, resource)) {
            ("", _) => Self::None,
            ("status", _) => Self::Status,
            ("scale", Some(kind)) => Self::Scale(kind),
            _ => Self::Other,
        }
    }

    /// Returns why no request of this kind is a rollout; `None` where one may be.
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
