//! Deserializes a type from a document, with the position of what does not fit.

use serde::de::DeserializeOwned;

use super::{Document, Location};
pub use rollgate_strict::{Misfit, Problem, fit};

/// A value of a document that does not fit the type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{location}: {problem}{}", shown_path(pointer))]
pub struct StrictError {
    /// What is wrong.
    pub problem: Problem,
    /// RFC 6901 pointer to the value.
    pub pointer: String,
    /// The position of the value.
    pub location: Location,
}

/// Deserializes a type from a document.
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
