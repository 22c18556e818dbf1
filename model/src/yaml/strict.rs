//! Reads a type from a document and tells what does not fit with its place.

use serde::de::DeserializeOwned;

use super::{Document, Location};
pub use rollgate_strict::{Misfit, Problem, fit};

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
