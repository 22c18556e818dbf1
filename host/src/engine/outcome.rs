//! Why a call into a guest ended as it did, in words.

use wasmtime::{PoolConcurrencyLimitError, Trap};

use super::error::EvaluationError;
use super::limits::{Bound, Limits};
use super::log::one_line;
use super::state::HostState;

/// Marks that no sandbox could be made, so that nothing was asked of the guest.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("no sandbox could be made")]
pub(super) struct NotStarted;

/// Ends a guest that asks for a Pod template which is not known, for this reason.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct NoTemplate(pub(super) String);

/// The bound that was hit comes before the trap that followed from it.
pub(super) fn explain(
    error: &wasmtime::Error,
    state: &HostState,
    limits: &Limits,
) -> EvaluationError {
    match state.usage.exceeded {
        Some(Bound::Cpu) => return EvaluationError::Cpu(limits.cpu),
        Some(Bound::Memory) => return EvaluationError::Memory(limits.memory),
        Some(Bound::Tables) => {
            return EvaluationError::Boundary("its tables grow without end".into());
        }
        None => {}
    }
    if let Some(said) = &state.panic {
        return EvaluationError::Panicked(said.clone());
    }
    if let Some(NoTemplate(why)) = error.downcast_ref() {
        return EvaluationError::NoTemplate(one_line(why).into_owned());
    }
    if let Some(exit) = error.downcast_ref::<wasmtime_wasi::I32Exit>() {
        return EvaluationError::Exited(exit.0);
    }
    // A component of several memories or tables can find the pool empty although it has a slot.
    if error.is::<PoolConcurrencyLimitError>() {
        return EvaluationError::Overloaded;
    }
    // Once the guest runs, errors that are no traps come from the boundary: data that is too much
    // or malformed.
    match error.downcast_ref::<Trap>() {
        Some(trap) => EvaluationError::Trapped(trap_message(*trap)),
        None if error.is::<NotStarted>() => EvaluationError::Engine(in_words(error)),
        None => EvaluationError::Boundary(in_words(error)),
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
        Trap::AllocationTooLarge => "it allocated more than can be had".into(),
        other => one_line(&other.to_string()).into_owned(),
    }
}

fn in_words(error: &wasmtime::Error) -> String {
    one_line(&format!("{error:#}")).into_owned()
}
