//! Errors of loading and evaluating a policy, with messages for its authors and operators.

use std::time::Duration;

use rollgate_model::Failure;

/// Why a policy could not be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The file is no WebAssembly.
    #[error("this is not a WebAssembly file: it starts with {0}")]
    NotWasm(String),
    /// The file is incomplete or invalid WebAssembly.
    #[error("the WebAssembly file is damaged or cut off at byte {offset}: {reason}")]
    Damaged {
        /// Where reading stopped.
        offset: usize,
        /// The message of the parser.
        reason: String,
    },
    /// The file is too large.
    #[error("the file has {size} bytes; a policy may have at most {limit}")]
    TooBig {
        /// The size, in bytes.
        size: usize,
        /// The maximum, in bytes.
        limit: usize,
    },
    /// The component needs more than a sandbox has.
    #[error(
        "the policy is larger than a sandbox of rollgate: {0}; build it of fewer core modules, or with smaller tables"
    )]
    TooLarge(String),
    /// A valid module or component without the policy contract.
    #[error("this is WebAssembly, but no rollgate policy: {0}")]
    NoContract(String),
    /// The module was built for another version of the contract.
    #[error(
        "the policy was built for contract version {found}; this rollgate supports {supported}: {advice}"
    )]
    ContractVersion {
        /// The version in the module.
        found: String,
        /// The version that this host supports.
        supported: &'static str,
        /// What to do about it.
        advice: &'static str,
    },
    /// The module has an import that policies may not have.
    #[error("the policy imports `{name}`, which rollgate does not provide: {advice}")]
    ForbiddenImport {
        /// The import, as the module names it.
        name: String,
        /// What to do about it.
        advice: &'static str,
    },
    /// The contract's functions have other types.
    #[error("the policy does not fit the contract: {0}")]
    Mismatch(String),
    /// The policy refused its settings.
    #[error("{}", settings_message(.0))]
    Settings(Vec<SettingsProblem>),
    /// The policy made a host call before there was a rollout to evaluate.
    #[error(
        "the policy calls `{call}` in `{during}`: the answer would be frozen into every later verdict; call it in `evaluate`"
    )]
    AskedTooEarly {
        /// The host function.
        call: &'static str,
        /// `describe` or `configure`.
        during: &'static str,
    },
    /// `describe` or `configure` trapped or reached a limit.
    #[error("`{during}` failed: {error}")]
    Crashed {
        /// `describe` or `configure`.
        during: &'static str,
        /// The error.
        error: EvaluationError,
    },
    /// The engine could not compile or prepare the module.
    #[error("the engine could not prepare the policy: {0}")]
    Engine(String),
}

/// A setting that a policy refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsProblem {
    /// RFC 6901 pointer into the settings; empty means the settings as a whole.
    pub path: String,
    /// The policy's message.
    pub message: String,
}

fn settings_message(problems: &[SettingsProblem]) -> String {
    let list: Vec<_> = problems
        .iter()
        .map(|problem| match problem.path.as_str() {
            "" => problem.message.clone(),
            path => format!("{path}: {}", problem.message),
        })
        .collect();
    format!("the policy refuses its settings: {}", list.join("; "))
}

/// Why a policy gave no verdict.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluationError {
    /// The policy reports that it could not evaluate the rollout.
    #[error("{}", failure_message(.0))]
    Failed(Failure),
    /// The guest panicked, with this message.
    #[error("the policy crashed: {0}")]
    Panicked(String),
    /// The guest trapped.
    #[error("the policy crashed: {0}")]
    Trapped(String),
    /// The guest exited.
    #[error("the policy exited with status {0} and gave no verdict")]
    Exited(i32),
    /// The guest used too much CPU time.
    #[error("the policy computed for more than {} ms and was stopped", .0.as_millis())]
    Cpu(Duration),
    /// Time ran out.
    #[error("{}", deadline_message(*.after, .waiting_for.as_deref()))]
    Deadline {
        /// How long the evaluation took.
        after: Duration,
        /// The host call that it was waiting for.
        waiting_for: Option<String>,
    },
    /// No slot in the pool became free in time.
    #[error("rollgate was too busy to run the policy in time")]
    Overloaded,
    /// Slots were free, but other evaluations for the same policy or namespace had its share of them.
    #[error(
        "rollgate did not run the policy in time: other evaluations of this policy or for this namespace took their whole share of its sandboxes"
    )]
    ShareInUse,
    /// The policy reads a Pod template that is in another object and could not be read.
    #[error("{0}")]
    NoTemplate(String),
    /// The guest needed more memory than its limit.
    #[error("the policy needs more memory than its limit of {} MiB", .0 >> 20)]
    Memory(usize),
    /// The guest passed too much or malformed data to the host.
    #[error("the policy passed data that rollgate does not accept: {0}")]
    Boundary(String),
    /// The policy contradicts itself.
    #[error("the policy contradicts itself: {0}")]
    Nonsense(String),
    /// The engine itself could not run the guest.
    #[error("the engine could not run the policy: {0}")]
    Engine(String),
}

impl EvaluationError {
    /// Returns the kind of error for metrics and logs.
    #[must_use]
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Failed(_) => "failed",
            Self::Panicked(_) => "panic",
            Self::Trapped(_) => "trap",
            Self::Exited(_) => "exit",
            Self::Cpu(_) => "cpu",
            Self::Deadline { .. } => "deadline",
            Self::Overloaded | Self::ShareInUse => "overloaded",
            Self::NoTemplate(_) => "no-template",
            Self::Memory(_) => "memory",
            Self::Boundary(_) => "boundary",
            Self::Nonsense(_) => "nonsense",
            Self::Engine(_) => "engine",
        }
    }
}

fn failure_message(failure: &Failure) -> &str {
    match failure.message.trim() {
        "" => "the policy gave no reason",
        message => message,
    }
}

fn deadline_message(after: Duration, waiting_for: Option<&str>) -> String {
    let after = after.as_millis();
    match waiting_for {
        Some(call) => format!("the policy had no answer after {after} ms, waiting for {call}"),
        None => format!("the policy had no answer after {after} ms"),
    }
}
