//! Reads a type from a document and tells what does not fit with its place.

mod access;
mod deserializer;
mod fault;

use serde::de::DeserializeOwned;

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

/// Reads a type from a document.
pub(super) fn read<T: DeserializeOwned>(document: &Document) -> Result<T, StrictError> {
    T::deserialize(At::root(&document.tree)).map_err(|fault| {
        let pointer = fault.pointer.unwrap_or_default();
        let place = document.spans.locate(&pointer);
        let location = match (&fault.problem, place.key) {
            (Problem::UnknownField { .. }, Some(key)) => key,
            _ => place.focus,
        };
        StrictError {
            problem: fault.problem,
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
