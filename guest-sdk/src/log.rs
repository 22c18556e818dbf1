//! The host's log. It adds the policy's name and the review's uid to each line.

use crate::sys;

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// For the author of the policy only.
    Debug,
    /// Worth keeping.
    Info,
    /// Something to look into.
    Warn,
    /// Something is broken.
    Error,
}

/// Writes a line. The host cuts long lines, and drops those beyond its limit for one evaluation.
pub fn write(level: Level, message: &str) {
    sys::log(level, message);
}

/// Writes a line for the author of the policy.
pub fn debug(message: &str) {
    write(Level::Debug, message);
}

/// Writes a line that is worth keeping.
pub fn info(message: &str) {
    write(Level::Info, message);
}

/// Writes a line on something to look into.
pub fn warn(message: &str) {
    write(Level::Warn, message);
}

/// Writes a line on something that is broken.
pub fn error(message: &str) {
    write(Level::Error, message);
}
