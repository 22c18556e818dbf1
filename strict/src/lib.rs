//! Deserializes types from JSON trees, and reports mistakes with their JSON pointer.
//!
//! People read these errors beside the YAML that they wrote. So the errors speak of mappings, lists
//! and whole numbers, and never of Rust's types.

mod access;
mod deserializer;
mod fault;
pub mod pointer;
mod words;

use std::cell::RefCell;
use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::Value;

use deserializer::At;
pub use fault::Problem;

/// A value in a tree that does not fit the type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// What is wrong.
    pub problem: Problem,
    /// RFC 6901 pointer to the value.
    pub pointer: String,
}

/// Deserializes a type from a tree.
///
/// # Errors
/// The first mistake.
pub fn fit<T: DeserializeOwned>(tree: &Value) -> Result<T, Misfit> {
    T::deserialize(At::root(tree, None)).map_err(Misfit::from)
}

/// Deserializes a type from a tree, and reports every unknown field, even where the type does not
/// say `deny_unknown_fields`.
///
/// # Errors
/// Each unknown field, and the first other mistake.
pub fn fit_closely<T: DeserializeOwned>(tree: &Value) -> Result<T, Vec<Misfit>> {
    let unknown = RefCell::new(Vec::new());
    let read = T::deserialize(At::root(tree, Some(&unknown)));
    let mut misfits = unknown.into_inner();
    match read {
        Ok(value) if misfits.is_empty() => Ok(value),
        Ok(_) => Err(misfits),
        Err(fault) => {
            misfits.push(fault.into());
            Err(misfits)
        }
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.problem)?;
        if self.pointer.is_empty() {
            return Ok(());
        }
        write!(f, " (at {})", self.pointer)
    }
}

impl std::error::Error for Misfit {}
