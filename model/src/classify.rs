//! How the class of a change is told: a pure function of the old object, the new object and the
//! earlier revisions, before any policy runs.

mod argo;
mod history;
mod pending;
mod service;
mod template;

use crate::change::Change;
use crate::kind::Kind;
use crate::revisions::{Revisions, Undo};
use crate::rollout::Operation;
use crate::shape::ShapeError;
use crate::workload::Workload;
use history::History;
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
/// that changes it and anything else is judged by what it does to the template. One thing goes
/// before a restart: where the same request lets a waiting template go on, it is a `resume`, or
/// `restartedAt` would be a way around the policies that hold that template.
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
                    history: History::new(question.revisions),
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
            undo: self.history.undo(self.old),
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
    match Template::of(old).compare(Template::of(new)) {
        Difference::At(_) => replaced(update),
        difference if goes_on(old, new) => resumed(update, &difference),
        Difference::Ignored => restarted(update),
        Difference::None if argo::restarts(old, new) => update.is(
            Change::Restart,
            Some("Argo restarts the Pods: `spec.restartAt` changed".to_owned()),
        ),
        Difference::None => kept(update),
    }
}

/// The template is another one.
fn replaced(update: &Update<'_>) -> Classified {
    match update.history.goes_back(update.old, update.new) {
        Some(note) => update.is(Change::Rollback, Some(note)),
        None => update.is(
            Change::RollForward,
            update.history.look_alike(update.old, update.new),
        ),
    }
}

/// Whether a template that waits goes on.
fn goes_on(old: &Workload, new: &Workload) -> bool {
    (pending::resumes(old, new) || argo::retries(old, new)) && pending::is_pending(old)
}

fn resumed(update: &Update<'_>, difference: &Difference) -> Classified {
    if let Some(note) = update.history.runs_newer(update.new) {
        return update.is(Change::Rollback, Some(note));
    }
    let restart = matches!(difference, Difference::Ignored).then(|| {
        "a template that waited goes on with this request, so it is more than a restart".to_owned()
    });
    update.is(
        Change::Resume,
        restart.or_else(|| update.history.unreadable()),
    )
}

fn restarted(update: &Update<'_>) -> Classified {
    let by_annotation = template::RESTARTED_AT;
    let annotation = |workload: &Workload| {
        workload
            .pod_annotations()
            .iter()
            .find(|(key, _)| key == by_annotation)
            .map(|(_, at)| at.clone())
    };
    let obvious = annotation(update.old) != annotation(update.new);
    let note = (!obvious)
        .then(|| "only a label that controllers write differs in the template".to_owned());
    update.is(Change::Restart, note)
}

/// The template is the same, and none that waited goes on.
fn kept(update: &Update<'_>) -> Classified {
    let (old, new) = (update.old, update.new);
    if argo::promotes(old, new) {
        return match update.history.runs_newer(new) {
            Some(note) => update.is(Change::Rollback, Some(note)),
            None => update.is(Change::Release, update.history.unreadable()),
        };
    }
    if old.replicas() != new.replicas() {
        return Classified::Rollout {
            change: Change::Scale,
            note: None,
            undo: Undo::NotPossible,
        };
    }
    Classified::NotARollout {
        why: "the Pod template is the same, and nothing that waited goes on",
    }
}
