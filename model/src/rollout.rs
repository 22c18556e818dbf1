//! One admission request, read and classified: what every policy of a review is shown.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde_json::Value;

use crate::change::Change;
use crate::classify::{Classified, Question, classify};
use crate::kind::Kind;
use crate::revisions::{Revisions, Undo};
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

/// What a request was found to be.
#[derive(Clone, Debug)]
pub enum Reviewed {
    /// A rollout, for the policies that match it.
    Rollout(Box<Rollout>),
    /// Anything else: it may go at once, and no policy runs.
    NotARollout {
        /// Why, in a sentence.
        why: &'static str,
    },
}

/// One admission request that would start new Pods from a template, move traffic to them, or
/// change how many there are.
#[derive(Clone, Debug)]
pub struct Rollout {
    change: Change,
    change_note: Option<String>,
    undo: Undo,
    operation: Operation,
    user: String,
    groups: Vec<String>,
    dry_run: bool,
    new: Option<Arc<Workload>>,
    old: Option<Arc<Workload>>,
}

impl Rollout {
    /// Reads both objects of a request, with the API's defaults filled in, and tells the class of
    /// the change.
    ///
    /// # Errors
    /// When an object is missing, is no workload, or has another shape than its API gives it.
    pub fn from_request(request: Request, revisions: &Revisions) -> Result<Reviewed, ShapeError> {
        request.check_objects()?;
        let Request {
            operation,
            sub_resource,
            namespace,
            user,
            groups,
            dry_run,
            object,
            old_object,
        } = request;
        if let Some(why) = sub_resource.never_a_rollout(operation) {
            return Ok(Reviewed::NotARollout { why });
        }
        let read = |tree: Option<Value>| {
            tree.map(|tree| sub_resource.parse(tree, namespace.as_deref()).map(Arc::new))
                .transpose()
        };
        let (new, old) = (read(object)?, read(old_object)?);
        let question = Question {
            operation,
            new: new.as_deref(),
            old: old.as_deref(),
            revisions,
        };
        Ok(match classify(&question)? {
            Classified::NotARollout { why } => Reviewed::NotARollout { why },
            Classified::Rollout {
                change,
                note: change_note,
                undo,
            } => Reviewed::Rollout(Box::new(Self {
                change,
                change_note,
                undo,
                operation,
                user,
                groups,
                dry_run,
                new,
                old,
            })),
        })
    }

    /// The class of the change.
    #[must_use]
    pub const fn change(&self) -> Change {
        self.change
    }

    /// A sentence on how the class was told, where it is not obvious.
    #[must_use]
    pub fn change_note(&self) -> Option<&str> {
        self.change_note.as_deref()
    }

    /// Whether `kubectl rollout undo` would be told apart as a rollback now.
    #[must_use]
    pub const fn undo(&self) -> &Undo {
        &self.undo
    }

    /// The admission operation.
    #[must_use]
    pub const fn operation(&self) -> Operation {
        self.operation
    }

    /// The user who asks; empty on a dry-run from files.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The groups of that user.
    #[must_use]
    pub fn groups(&self) -> &[String] {
        &self.groups
    }

    /// Whether nothing will be persisted.
    #[must_use]
    pub const fn dry_run(&self) -> bool {
        self.dry_run
    }

    /// The object as it would become; `None` when it is deleted.
    #[must_use]
    pub const fn new(&self) -> Option<&Arc<Workload>> {
        self.new.as_ref()
    }

    /// The object as it is; `None` when it is created.
    #[must_use]
    pub const fn old(&self) -> Option<&Arc<Workload>> {
        self.old.as_ref()
    }

    /// The new object, or the old one when it is deleted.
    #[must_use]
    pub fn subject(&self) -> &Arc<Workload> {
        self.new
            .as_ref()
            .or(self.old.as_ref())
            .expect("a rollout has an object: `from_request` checked")
    }
}

impl Request {
    /// A request lacks neither the object nor the old object that its operation always has.
    fn check_objects(&self) -> Result<(), ShapeError> {
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

    fn never_a_rollout(self, operation: Operation) -> Option<&'static str> {
        match (self, operation) {
            (_, Operation::Connect) => Some("a CONNECT changes no object"),
            (Self::Other, _) => Some("this subresource changes no template"),
            _ => None,
        }
    }

    fn parse(self, tree: Value, namespace: Option<&str>) -> Result<Workload, ShapeError> {
        match self {
            Self::Scale(kind) => Workload::parse_scale(kind, tree, namespace),
            Self::None | Self::Status | Self::Other => Workload::parse(tree, namespace),
        }
    }
}
