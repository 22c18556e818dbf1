//! How the class of a change is told.

use crate::change::Change;
use crate::revisions::{Revisions, Undo};
use crate::rollout::Operation;
use crate::shape::ShapeError;
use crate::workload::Workload;

/// What the classifier looks at.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The admission operation.
    pub operation: Operation,
    /// The object as it would become.
    pub new: Option<&'a Workload>,
    /// The object as it is.
    pub old: Option<&'a Workload>,
    /// The revisions that could be a rollback's target.
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
    /// Anything else: metadata, status, pause, abort.
    NotARollout {
        /// Why, in a sentence.
        why: &'static str,
    },
}

/// Tells the class of a change.
///
/// # Errors
/// When the two objects are not of the same kind.
pub fn classify(question: &Question<'_>) -> Result<Classified, ShapeError> {
    let undo = Undo::NotPossible;
    let change = if question.old.is_none() {
        Change::Create
    } else {
        Change::RollForward
    };
    Ok(Classified::Rollout {
        change,
        note: None,
        undo,
    })
}
