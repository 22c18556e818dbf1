//! Collects all mistakes in settings, not only the first one.

use crate::SettingsError;
use crate::pointer;
use std::fmt::Display;

/// A place in the settings, and the list of all mistakes found so far.
///
/// ```
/// use rollgate_sdk::{Problems, SettingsError};
///
/// let ports = ["8080", "http", "99999"];
/// let read = SettingsError::collect(|problems| {
///     let mut ports_at = problems.at("ports");
///     let numbers = ports.iter().enumerate().map(|(i, port)| ports_at.at(i).keep(port.parse::<u16>()));
///     numbers.collect::<Vec<_>>().into_iter().collect::<Option<Vec<_>>>()
/// });
/// let paths: Vec<_> = read.unwrap_err().problems().iter().map(|(path, _)| path.clone()).collect();
/// assert_eq!(paths, ["/ports/1", "/ports/2"]);
/// ```
#[derive(Debug)]
pub struct Problems<'a> {
    path: String,
    found: &'a mut Vec<(String, String)>,
}

impl Problems<'_> {
    /// Returns a field or list item of this place.
    pub fn at(&mut self, step: impl Display) -> Problems<'_> {
        let mut path = self.path.clone();
        pointer::push(&mut path, &step.to_string());
        Problems {
            path,
            found: self.found,
        }
    }

    /// Records what is wrong here, and what would be right. Always returns `None`, for the caller
    /// to return.
    pub fn refuse<T>(&mut self, message: impl Into<String>) -> Option<T> {
        self.found.push((self.path.clone(), message.into()));
        None
    }

    /// Returns the value; or records the error here and returns `None`.
    pub fn keep<T, E: Display>(&mut self, read: Result<T, E>) -> Option<T> {
        read.map_err(|error| self.refuse::<T>(error.to_string()))
            .ok()
    }
}

impl SettingsError {
    /// Runs `read`, which records mistakes in its argument.
    ///
    /// # Errors
    /// A mistake was recorded, or `read` returned `None`.
    pub fn collect<T>(read: impl FnOnce(&mut Problems<'_>) -> Option<T>) -> Result<T, Self> {
        let mut found = Vec::new();
        let value = read(&mut Problems {
            path: String::new(),
            found: &mut found,
        });
        Self::none_of(found)?;
        value.ok_or_else(|| Self::at("", "these settings cannot be used"))
    }
}
