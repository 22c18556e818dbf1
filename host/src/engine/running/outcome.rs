//! Explains why a call into a guest failed.

use wasmtime::{PoolConcurrencyLimitError, Trap};

use super::limits::{ExceededLimit, Limits};
use super::log::guest_text;
use super::state::HostState;
use crate::engine::error::EvaluationError;

/// Marks an error that occurred before the guest ran.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the policy could not be instantiated")]
pub(crate) struct NotStarted;

/// Stops a guest that asks for a Pod template that could not be read, for this reason.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NoTemplate(pub(crate) String);

/// Explains an error. A limit that was reached comes before the trap that followed from it.
pub(crate) fn explain(
    error: &wasmtime::Error,
    state: &HostState,
    limits: &Limits,
) -> EvaluationError {
    match state.usage.exceeded {
        Some(ExceededLimit::Cpu) => return EvaluationError::Cpu(limits.cpu),
        Some(ExceededLimit::Memory) => return EvaluationError::Memory(limits.memory),
        Some(ExceededLimit::Tables) => {
            return EvaluationError::Boundary("its tables grow without end".into());
        }
        None => {}
    }
    if let Some(said) = &state.panic {
        return EvaluationError::Panicked(said.clone());
    }
    if let Some(NoTemplate(why)) = error.downcast_ref() {
        return EvaluationError::NoTemplate(guest_text(why).into_owned());
    }
    if let Some(exit) = error.downcast_ref::<wasmtime_wasi::I32Exit>() {
        return EvaluationError::Exited(exit.0);
    }
    // The pool may have no memory or table left for a component with several of them.
    if error.is::<PoolConcurrencyLimitError>() {
        return EvaluationError::Overloaded;
    }
    // Once the guest runs, errors that are no traps come from data that crosses the boundary: too much
    // of it, or malformed.
    match error.downcast_ref::<Trap>() {
        Some(trap) => EvaluationError::Trapped(trap_message(*trap)),
        None if error.is::<NotStarted>() => EvaluationError::Engine(describe(error)),
        None => EvaluationError::Boundary(describe(error)),
    }
}

fn trap_message(trap: Trap) -> String {
    match trap {
        Trap::StackOverflow => "its stack is exhausted (deep or endless recursion)".into(),
        Trap::UnreachableCodeReached => {
            "it reached code that must not be reached (a panic or an abort)".into()
        }
        Trap::MemoryOutOfBounds => "it touched memory that it does not have (a stray index, or endless recursion: a guest keeps its stack there)".into(),
        Trap::IntegerDivisionByZero => "it divided by zero".into(),
        Trap::AllocationTooLarge => "it allocated more memory than there is".into(),
        other => guest_text(&other.to_string()).into_owned(),
    }
}

fn describe(error: &wasmtime::Error) -> String {
    guest_text(&format!("{error:#}")).into_owned()
}
