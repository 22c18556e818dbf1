//! Where an object was read.

use std::sync::Arc;

use rollgate_model::yaml::Spans;

use super::path::json_path;
use super::{Problem, missing};

/// Where an object was read, to tell what is wrong with it at the right place.
#[derive(Clone, Debug)]
pub enum Place {
    /// In a text: the file as the user named it, and where the object's parts stand.
    Text(Arc<str>, Spans),
    /// In the cluster: the object's kind and name.
    Object(Arc<str>),
}

impl Place {
    /// Something wrong with what a pointer into the object leads to.
    #[must_use]
    pub fn problem(&self, pointer: &str, message: impl Into<String>) -> Problem {
        match self {
            Self::Text(file, spans) => Problem::of(file, spans, pointer, message),
            Self::Object(object) if pointer.is_empty() => Problem::of_file(object, message),
            Self::Object(object) => {
                let message = format!("{}: {}", json_path(pointer), message.into());
                Problem::of_file(object, message)
            }
        }
    }

    /// The fields of a pointer that do not stand in the text; for an object the pointer itself says
    /// it.
    pub(super) fn missing(&self, pointer: &str) -> Option<String> {
        match self {
            Self::Text(_, spans) => missing(spans, pointer),
            Self::Object(_) => None,
        }
    }
}
