//! How the class of a change is told: a pure function of the old object, the new object and the
//! earlier revisions, before any policy runs.

mod argo;
mod history;
mod pending;
mod service;
mod template;

use crate::change::Change;
use crate::kind::Kind;
use crate::request::Operation;
use crate::revisions::{Revisions, Undo};
use crate::shape::ShapeError;
use crate::workload::Workload;
use history::History;
pub use template::template_text;
use template::{Difference, Template};

/// What the classifier looks at.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The admission operation.
    pub operation: Operation,
    /// The object as it would become.
    pub new: Option<&'a Workload>,
    /// The object as it is.
    pub old: Option<&'a Workload>,
    /// The revisions that may be gone back to.
    pub revisions: &'a Revisions,
}

/// What a change was found to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Classified {
    /// A rollout.
    Rollout {
        /// The class.
        change: Change,
        /// A sentence on how it was told, where that is not obvious.
        note: Option<String>,
        /// Whether an undo would be told apart as a rollback.
        undo: Undo,
    },
    /// Anything else, such as a change of metadata or status.
    NotARollout {
        /// Why, in a sentence.
        why: &'static str,
    },
}

/// Tells the class of a change.
///
/// The classes are tried in the order of [`Change`]. The template is looked at first: a request
/// that changes it and anything else is judged by what it does to the template. Only a restart
/// gives way: where the same request lets a waiting template go on, it is a `resume` or a `release`,
/// or `restartedAt` would be a way around the policies that hold that template.
///
/// # Errors
/// When the operation lacks an object, or the two objects are not of one kind.
pub fn classify(question: &Question<'_>) -> Result<Classified, ShapeError> {
    let missing = |field| ShapeError::Missing {
        field,
        operation: question.operation.as_str(),
    };
    match question.operation {
        Operation::Create => Ok(created(question.new.ok_or_else(|| missing("object"))?)),
        Operation::Delete => Ok(deleted(question.old.ok_or_else(|| missing("oldObject"))?)),
        Operation::Connect => Ok(Classified::NotARollout {
            why: "a CONNECT changes no object",
        }),
        Operation::Update => {
            let new = question.new.ok_or_else(|| missing("object"))?;
            let old = question.old.ok_or_else(|| missing("oldObject"))?;
            same_kind(old, new)?;
            Ok(match new.kind() {
                Kind::Service => service::classify(old, new, question.revisions),
                _ => updated(&Update {
                    old,
                    new,
                    history: History::new(question.revisions, old),
                }),
            })
        }
    }
}

/// Both sides of a workload that changes, and what it may go back to.
struct Update<'a> {
    old: &'a Workload,
    new: &'a Workload,
    history: History<'a>,
}

impl Update<'_> {
    fn is(&self, change: Change, note: Option<String>) -> Classified {
        Classified::Rollout {
            change,
            note,
            undo: self.history.undo(),
        }
    }
}

fn created(new: &Workload) -> Classified {
    match new.kind() {
        Kind::Service => Classified::NotARollout {
            why: "a Service is a rollout only when its selector changes",
        },
        _ => Classified::Rollout {
            change: Change::Create,
            note: None,
            undo: Undo::NotPossible,
        },
    }
}

fn deleted(old: &Workload) -> Classified {
    match old.kind() {
        Kind::Service => Classified::NotARollout {
            why: "a Service is a rollout only when its selector changes",
        },
        _ => Classified::Rollout {
            change: Change::Delete,
            note: None,
            undo: Undo::NotPossible,
        },
    }
}

fn same_kind(old: &Workload, new: &Workload) -> Result<(), ShapeError> {
    if old.kind() == new.kind() {
        return Ok(());
    }
    Err(ShapeError::Wrong {
        pointer: "/kind".to_owned(),
        expected: format!("{}, the kind of the old object", old.kind()),
        found: new.kind().to_string(),
    })
}

fn updated(update: &Update<'_>) -> Classified {
    let (old, new) = (update.old, update.new);
    let restart = match Template::of(old).compare(Template::of(new)) {
        Difference::At(_) => return replaced(update),
        Difference::Ignored => Some(restart_note(old, new)),
        Difference::None if argo::restarts(old, new) => Some(Some(ARGO_RESTART)),
        Difference::None => None,
    };
    if let Some((change, note)) = goes_on(old, new) {
        return waited(
            update,
            change,
            note.or(restart.and(Some(MORE_THAN_A_RESTART))),
        );
    }
    match restart {
        Some(note) => update.is(Change::Restart, note.map(str::to_owned)),
        None if old.replicas() != new.replicas() => Classified::Rollout {
            change: Change::Scale,
            note: None,
            undo: Undo::NotPossible,
        },
        None => Classified::NotARollout {
            why: "the Pod template is the same, and nothing that waited goes on",
        },
    }
}

const ARGO_RESTART: &str = "Argo restarts the Pods: `spec.restartAt` changed";
const MORE_THAN_A_RESTART: &str =
    "a template that waited goes on with this request, so it is more than a restart";
const LOOSENED: &str = "what held the waiting template back was changed in `spec.strategy`";

/// The template is another one.
fn replaced(update: &Update<'_>) -> Classified {
    match update.history.goes_back(update.new) {
        Some(note) => update.is(Change::Rollback, Some(note)),
        None => update.is(Change::RollForward, update.history.look_alike(update.new)),
    }
}

/// Whether a template that waits goes on, and as what.
fn goes_on(old: &Workload, new: &Workload) -> Option<(Change, Option<&'static str>)> {
    if argo::promotes(old, new) {
        return Some((Change::Release, None));
    }
    let resumed = pending::resumes(old, new) || argo::retries(old, new);
    let loosened = argo::loosens(old, new);
    if !(resumed || loosened) || !pending::is_pending(old) {
        return None;
    }
    Some(if resumed {
        (Change::Resume, None)
    } else {
        (Change::Release, Some(LOOSENED))
    })
}

fn waited(update: &Update<'_>, change: Change, note: Option<&str>) -> Classified {
    match update.history.runs_newer(update.new) {
        Some(note) => update.is(Change::Rollback, Some(note)),
        None => update.is(
            change,
            note.map(str::to_owned)
                .or_else(|| update.history.unreadable()),
        ),
    }
}

fn restart_note(old: &Workload, new: &Workload) -> Option<&'static str> {
    let obvious = template::restarted_at(old) != template::restarted_at(new);
    (!obvious).then_some("only a label that controllers write differs in the template")
}
