//! The host's log. The host adds the policy's name and the review's uid to each line.

use crate::sys;

/// The severity of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// For the author of the policy only.
    Debug,
    /// For operators, in normal operation.
    Info,
    /// Something to look into.
    Warn,
    /// Something is broken.
    Error,
}

/// Writes a line. The host truncates long lines, and drops those beyond its limit for one
/// evaluation.
pub fn write(level: Level, message: &str) {
    sys::log(level, message);
}

/// Writes a line for the author of the policy.
pub fn debug(message: &str) {
    write(Level::Debug, message);
}

/// Writes a line for operators, in normal operation.
pub fn info(message: &str) {
    write(Level::Info, message);
}

/// Writes a line about something to look into.
pub fn warn(message: &str) {
    write(Level::Warn, message);
}

/// Writes a line about something that is broken.
pub fn error(message: &str) {
    write(Level::Error, message);
}
