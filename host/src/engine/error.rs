//! How loading and evaluating a policy can fail, in words for the people who wrote or run it.

use std::time::Duration;

use rollgate_model::Failure;

/// Why a module or its settings do not make a policy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The bytes are no WebAssembly at all.
    #[error("this is not a WebAssembly file: it starts with {0}")]
    NotWasm(String),
    /// The bytes begin as WebAssembly and break off or break its rules.
    #[error("the WebAssembly file is damaged or cut off at byte {offset}: {reason}")]
    Damaged {
        /// Where reading stopped.
        offset: usize,
        /// What the parser says.
        reason: String,
    },
    /// The file is larger than a module may be.
    #[error("the file has {size} bytes; a policy may have {limit}")]
    TooBig {
        /// The size, in bytes.
        size: usize,
        /// The most a module may have, in bytes.
        limit: usize,
    },
    /// A sound module or component that does not speak the policy contract.
    #[error("this is WebAssembly, but no rollgate policy: {0}")]
    NoContract(String),
    /// The module speaks another version of the contract.
    #[error(
        "the policy speaks contract version {found}; this rollgate speaks {supported}: {advice}"
    )]
    ContractVersion {
        /// The version in the module.
        found: String,
        /// The version this host has.
        supported: &'static str,
        /// What to do about it.
        advice: &'static str,
    },
    /// The module imports something that a policy is not given.
    #[error("the policy imports `{name}`, which a policy is not given: {advice}")]
    ForbiddenImport {
        /// The import, as the module names it.
        name: String,
        /// What to do about it.
        advice: &'static str,
    },
    /// The contract's functions are there with other types.
    #[error("the policy does not fit the contract: {0}")]
    Mismatch(String),
    /// The policy refused its settings.
    #[error("{}", settings_message(.0))]
    Settings(Vec<SettingsProblem>),
    /// The policy asked the world for something before there was a rollout to judge.
    #[error(
        "the policy calls `{call}` in `{during}`: the answer would be frozen into every later verdict; call it in `evaluate`"
    )]
    AskedTooEarly {
        /// The host function.
        call: &'static str,
        /// `describe` or `configure`.
        during: &'static str,
    },
    /// `describe` or `configure` ended in a trap, or used up its bounds.
    #[error("`{during}` failed: {error}")]
    Crashed {
        /// `describe` or `configure`.
        during: &'static str,
        /// How.
        error: EvaluationError,
    },
    /// The engine could not compile or prepare the module.
    #[error("the engine could not prepare the policy: {0}")]
    Engine(String),
}

/// One thing that a policy refused in its settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsProblem {
    /// RFC 6901 pointer into the settings; empty means the settings as a whole.
    pub path: String,
    /// In the policy's own words.
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
    /// The policy said itself that it could not be evaluated.
    #[error("{}", failure_message(.0))]
    Failed(Failure),
    /// The guest panicked, and said why.
    #[error("the policy crashed: {0}")]
    Panicked(String),
    /// The guest trapped.
    #[error("the policy crashed: {0}")]
    Trapped(String),
    /// The guest ended itself as a program does.
    #[error("the policy ended itself with exit status {0} instead of answering")]
    Exited(i32),
    /// The guest computed for too long.
    #[error("the policy computed for more than {} ms and was stopped", .0.as_millis())]
    Cpu(Duration),
    /// Time ran out.
    #[error("{}", deadline_message(*.after, .waiting_for.as_deref()))]
    Deadline {
        /// How long the evaluation had.
        after: Duration,
        /// The host call it waited in.
        waiting_for: Option<String>,
    },
    /// Every place in the pool was taken until time ran out, or the turn came when it had.
    #[error("rollgate was too busy to run the policy in time")]
    Overloaded,
    /// The policy asked for a Pod template that stands in another object and could not be read.
    #[error("{0}")]
    NoTemplate(String),
    /// The guest wanted more memory than it may have.
    #[error("the policy wanted more than the {} MiB of memory it may have", .0 >> 20)]
    Memory(usize),
    /// What crosses between guest and host was too much or malformed.
    #[error("the policy handed over what the host does not take: {0}")]
    Boundary(String),
    /// The policy contradicts what it said at load.
    #[error("the policy's answer makes no sense: {0}")]
    Nonsense(String),
    /// The engine itself could not run the guest.
    #[error("the engine could not run the policy: {0}")]
    Engine(String),
}

impl EvaluationError {
    /// A short word for metrics and logs.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Failed(_) => "failed",
            Self::Panicked(_) => "panic",
            Self::Trapped(_) => "trap",
            Self::Exited(_) => "exit",
            Self::Cpu(_) => "cpu",
            Self::Deadline { .. } => "deadline",
            Self::Overloaded => "overloaded",
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
        "" => "the policy did not say why",
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
