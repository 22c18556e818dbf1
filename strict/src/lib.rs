//! Deserializes types from JSON trees, and reports mistakes with their JSON pointer.
//!
//! People read these errors beside the YAML that they wrote. So the errors speak of mappings, lists
//! and whole numbers, and never of Rust's types.

mod access;
mod deserializer;
mod error;
pub mod pointer;
mod words;

use std::cell::RefCell;
use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::Value;

use deserializer::At;
pub use error::FieldProblem;

/// A value in a tree that does not fit the type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// What is wrong.
    pub problem: FieldProblem,
    /// RFC 6901 pointer to the value.
    pub pointer: String,
}

/// Deserializes a type from a tree.
///
/// # Errors
/// The first mistake.
pub fn from_value<T: DeserializeOwned>(tree: &Value) -> Result<T, FieldError> {
    T::deserialize(At::root(tree, None)).map_err(FieldError::from)
}

/// Deserializes a type from a tree, and reports every unknown field, even where the type does not
/// say `deny_unknown_fields`.
///
/// # Errors
/// Each unknown field, and the first other mistake.
pub fn from_value_strict<T: DeserializeOwned>(tree: &Value) -> Result<T, Vec<FieldError>> {
    let unknown = RefCell::new(Vec::new());
    let read = T::deserialize(At::root(tree, Some(&unknown)));
    let mut errors = unknown.into_inner();
    match read {
        Ok(value) if errors.is_empty() => Ok(value),
        Ok(_) => Err(errors),
        Err(error) => {
            errors.push(error.into());
            Err(errors)
        }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.problem)?;
        if self.pointer.is_empty() {
            return Ok(());
        }
        write!(f, " (at {})", self.pointer)
    }
}

impl std::error::Error for FieldError {}
