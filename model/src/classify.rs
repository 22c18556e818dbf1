//! How the class of a change is told: a pure function of the old object, the new object and the
//! earlier revisions, before any policy runs.
//!
//! The two objects alone tell most of it, at [`first_sight`]. Only where a template or the traffic
//! might go back are the earlier revisions looked at, by [`settle`]: they cost a question to the
//! API server.

mod argo;
mod history;
mod pending;
mod pulls;
mod service;
mod template;

use crate::baseline::Baseline;
use crate::change::Change;
use crate::kind::Kind;
use crate::request::{Asker, Operation};
use crate::revisions::{Revisions, Undo};
use crate::shape::ShapeError;
use crate::tags::MutableTags;
use crate::workload::Workload;
use history::History;
pub(crate) use template::ARGO_HASH;
pub use template::template_text;
use template::{Difference, Template};

/// What a change was found to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Classified {
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

/// What the two objects alone tell of a change.
#[derive(Debug)]
pub(crate) enum FirstSight {
    /// All there is to tell.
    Told(Classified),
    /// The rest is for the earlier revisions to tell.
    Open(Open),
}

/// What the earlier revisions are to tell.
#[derive(Clone, Debug)]
pub(crate) enum Open {
    /// Whether another template is one that was there before.
    Replaced,
    /// Whether a template that waited is older than one that has Pods.
    GoesOn {
        /// The class, if it is not.
        change: Change,
        note: Option<String>,
    },
    /// Nothing of the class: a restart that may ship other code goes forward. They tell what the
    /// workload had before.
    Repulled { note: String },
    /// Whether traffic goes to older Pods.
    Switched,
}

impl Open {
    /// The class where the earlier revisions tell of no rollback.
    pub(crate) const fn forward(&self) -> Change {
        match self {
            Self::Replaced | Self::Repulled { .. } => Change::RollForward,
            Self::GoesOn { change, .. } => *change,
            Self::Switched => Change::Release,
        }
    }
}

/// Tells the class of a change as far as the two objects do.
///
/// The classes are tried in the order of [`Change`]. The template is looked at first: a request
/// that changes it and anything else is judged by what it does to the template. Only a restart
/// gives way: where the same request lets a waiting template go on, it is a `resume` or a `release`,
/// or `restartedAt` would be a way around the policies that hold that template.
///
/// # Errors
/// When the operation lacks an object, or the two objects are not of one kind.
pub(crate) fn first_sight(
    operation: Operation,
    asker: Asker,
    old: Option<&Workload>,
    new: Option<&Workload>,
    tags: &MutableTags,
) -> Result<FirstSight, ShapeError> {
    let missing = |field| ShapeError::Missing {
        field,
        operation: operation.as_str(),
    };
    let told = match operation {
        Operation::Create => created(asker, new.ok_or_else(|| missing("object"))?),
        Operation::Delete => deleted(old.ok_or_else(|| missing("oldObject"))?),
        Operation::Connect => Classified::NotARollout {
            why: "a CONNECT changes no object",
        },
        Operation::Update => {
            let new = new.ok_or_else(|| missing("object"))?;
            let old = old.ok_or_else(|| missing("oldObject"))?;
            same_kind(old, new)?;
            return Ok(match new.kind() {
                Kind::Service => service::first_sight(asker, old, new),
                _ => updated(asker, old, new, tags),
            });
        }
    };
    Ok(FirstSight::Told(told))
}

/// Tells the rest, by the earlier revisions.
pub(crate) fn settle(
    open: Open,
    old: &Workload,
    new: &Workload,
    revisions: &Revisions,
) -> Classified {
    let update = Update {
        new,
        history: History::new(revisions, old),
    };
    match open {
        Open::Switched => service::settle(old, new, revisions),
        Open::Replaced => replaced(&update),
        // There is no other template to go back from.
        Open::Repulled { note } => alone(Change::RollForward, Some(note)),
        Open::GoesOn { change, note } => went_on(&update, change, note),
    }
}

impl Open {
    /// Whether revisions may tell that lack the newest ones.
    pub(crate) const fn may_be_told_by_older(&self) -> bool {
        // The other two ask which revisions have Pods now.
        matches!(self, Self::Replaced | Self::Repulled { .. })
    }

    /// What existing findings are held against. A switch of a Service changes no template.
    pub(crate) fn baseline(&self, old: &Workload, revisions: &Revisions) -> Baseline {
        match self {
            Self::Switched => Baseline::old_object(),
            Self::Replaced | Self::GoesOn { .. } | Self::Repulled { .. } => {
                History::new(revisions, old).baseline()
            }
        }
    }

    /// Whether they do: where one of them holds the present template, whatever they lack was created
    /// after it, and is nothing to go back to. What it had before is then told by how things were a
    /// moment ago, when the same request would have been judged the same.
    pub(crate) fn is_told_by_older(&self, old: &Workload, revisions: &Revisions) -> bool {
        self.may_be_told_by_older() && History::new(revisions, old).is_held()
    }
}

/// The new side of a workload that changes, and what it may go back to.
struct Update<'a> {
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

fn created(asker: Asker, new: &Workload) -> Classified {
    match new.kind() {
        Kind::Service => service::created(asker),
        _ => alone(Change::Create, None),
    }
}

fn deleted(old: &Workload) -> Classified {
    match old.kind() {
        Kind::Service => Classified::NotARollout {
            why: "a Service that goes away moves no traffic to other Pods",
        },
        _ => alone(Change::Delete, None),
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

fn updated(asker: Asker, old: &Workload, new: &Workload, tags: &MutableTags) -> FirstSight {
    let restart = match Template::of(old).compare(Template::of(new)) {
        Difference::At(_) => return FirstSight::Open(Open::Replaced),
        Difference::Ignored => Some(restart_note(old, new)),
        Difference::None if argo::restarts(old, new) => Some(Some(ARGO_RESTART)),
        Difference::None => None,
    };
    if let Some((change, note)) = goes_on(asker, old, new) {
        let more = || restart.map(|_| MORE_THAN_A_RESTART.to_owned());
        return FirstSight::Open(Open::GoesOn {
            change,
            note: note.or_else(more),
        });
    }
    if let Some(note) = restart.and_then(|_| pulls::anew(new, tags)) {
        return FirstSight::Open(Open::Repulled { note });
    }
    FirstSight::Told(match restart {
        Some(note) => alone(Change::Restart, note.map(str::to_owned)),
        None if old.replicas() != new.replicas() => scaled(asker),
        None => Classified::NotARollout {
            why: "the Pod template is the same, and nothing that waited goes on",
        },
    })
}

/// A change that leaves the template as it is, so that nothing can be undone.
const fn alone(change: Change, note: Option<String>) -> Classified {
    Classified::Rollout {
        change,
        note,
        undo: Undo::NotPossible,
    }
}

/// Argo's controller scales a Deployment that a Rollout takes its template from, as it scales the
/// ReplicaSets of its own.
const fn scaled(asker: Asker) -> Classified {
    match asker {
        Asker::ArgoController => Classified::NotARollout {
            why: "Argo's controller moves the replicas from one workload to another",
        },
        Asker::Other => alone(Change::Scale, None),
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
fn goes_on(asker: Asker, old: &Workload, new: &Workload) -> Option<(Change, Option<String>)> {
    let retried = match argo::asked(asker, old, new) {
        Some(argo::Asked::Promotion { note }) => return Some((Change::Release, note)),
        Some(argo::Asked::Retry) => true,
        None => false,
    };
    let resumed = pending::resumes(old, new) || retried;
    let loosened = argo::loosens(old, new);
    if !(resumed || loosened) || !pending::is_pending(old) {
        return None;
    }
    Some(if resumed {
        (Change::Resume, None)
    } else {
        (Change::Release, Some(LOOSENED.to_owned()))
    })
}

fn went_on(update: &Update<'_>, change: Change, note: Option<String>) -> Classified {
    match update.history.runs_newer(update.new) {
        Some(note) => update.is(Change::Rollback, Some(note)),
        None => update.is(change, note.or_else(|| update.history.unreadable())),
    }
}

fn restart_note(old: &Workload, new: &Workload) -> Option<&'static str> {
    if old.template_ref() != new.template_ref() {
        return Some("the template is the same, and stands in another object now");
    }
    let obvious = template::restarted_at(old) != template::restarted_at(new);
    (!obvious).then_some("only a label that controllers write differs in the template")
}
