//! Reads a type from a document and tells what does not fit with its place.

mod access;
mod deserializer;
mod fault;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Document, Location};
use deserializer::At;
pub use fault::Problem;

/// Something in a document that does not fit the type it is read as.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{location}: {problem}{}", shown_path(pointer))]
pub struct StrictError {
    /// What is wrong.
    pub problem: Problem,
    /// RFC 6901 pointer to it, in the document.
    pub pointer: String,
    /// Where it stands.
    pub location: Location,
}

/// Something in a tree that does not fit the type it is read as.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}{}", shown_path(pointer))]
pub struct Misfit {
    /// What is wrong.
    pub problem: Problem,
    /// RFC 6901 pointer to it.
    pub pointer: String,
}

/// Reads a type from a tree that no text is known of, as strictly as [`Document::read`] does.
///
/// # Errors
///
/// The first thing that does not fit.
pub fn fit<T: DeserializeOwned>(tree: &Value) -> Result<T, Misfit> {
    T::deserialize(At::root(tree)).map_err(|fault| Misfit {
        pointer: fault.pointer.unwrap_or_default(),
        problem: fault.problem,
    })
}

/// Reads a type from a document.
pub(super) fn read<T: DeserializeOwned>(document: &Document) -> Result<T, StrictError> {
    fit(&document.tree).map_err(|Misfit { problem, pointer }| {
        let place = document.spans.locate(&pointer);
        let location = match (&problem, place.key) {
            (Problem::UnknownField { .. }, Some(key)) => key,
            _ => place.focus,
        };
        StrictError {
            problem,
            pointer,
            location,
        }
    })
}

fn shown_path(pointer: &str) -> String {
    if pointer.is_empty() {
        String::new()
    } else {
        format!(" (at {pointer})")
    }
}
