//! The parts of a verdict, as `wit/types.wit` defines them. The SDK shows them to authors of policies, and
//! the host decides with them, so how the strictest of several wins is said here alone.

mod evidence;
mod failure;
mod finding;
mod outcome;

pub use evidence::Evidence;
pub use failure::Failure;
pub use finding::{Finding, Severity};
pub use outcome::Outcome;
