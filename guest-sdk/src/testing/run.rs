//! Runs a policy on scenarios.

use super::host::{self, Fatal, Phase, during};
use crate::sys::RawRollout;
use crate::{Failure, Policy, Rollout, SettingsError, Verdict, settings};
use rollgate_model as model;
use rollgate_model::scenario::{self, Expectation, Scenario};
use std::any::Any;
use std::fmt::{self, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::rc::Rc;

/// Runs each scenario file of a folder and its subfolders with this policy, and compares the result
/// with what the file expects. Other files, such as manifests, are ignored. The macro
/// [`scenarios!`](super::scenarios) makes it a test.
///
/// # Panics
/// A scenario cannot be read, expects nothing, or has another result; or the folder has no
/// scenarios.
#[track_caller]
pub fn run_folder<P: Policy>(folder: impl AsRef<Path>) {
    let folder = folder.as_ref();
    let files = match scenario::files(folder) {
        Ok(files) if files.is_empty() => {
            panic!("{} has no scenario (`kind: Scenario`)", folder.display())
        }
        Ok(files) => files,
        Err(error) => panic!("cannot read {}: {error}", folder.display()),
    };
    let mut failures = String::new();
    for file in &files {
        if let Err(why) = run_file::<P>(file) {
            let _ = write!(failures, "\n\n{}: {why}", file.display());
        }
    }
    assert!(
        failures.is_empty(),
        "not every scenario was answered as expected{failures}\n"
    );
}

/// Runs one file as a scenario of this policy, and compares the result with what the file expects.
///
/// # Errors
/// A message: the scenario cannot be read, expects nothing, or has another result.
pub fn run_file<P: Policy>(file: impl AsRef<Path>) -> Result<(), String> {
    let file = file.as_ref();
    let scenario = Rc::new(Scenario::load(file).map_err(|error| error.to_string())?);
    let run = evaluate::<P>(&scenario).map_err(|error| error.to_string())?;
    let result = run.to_model();
    match &scenario.expect {
        Some(expected) => expected
            .check(run.change, &result)
            .map_err(|mismatch| mismatch.to_string()),
        None => Err(Expectation::missing(run.change, &result)),
    }
}

/// The result of a policy, with the class of the change.
pub(super) struct RunResult {
    pub(super) change: model::Change,
    pub(super) result: Result<Verdict, Failure>,
}

/// Why a policy has no result.
#[derive(Debug)]
pub(super) enum RunError {
    /// The scenario describes no rollout.
    NoRollout(String),
    /// The policy refused its settings.
    Settings(SettingsError),
    /// A host call that cannot be answered.
    Fatal(Fatal),
    /// The policy panicked in `evaluate`; the test's output says where.
    Panicked(String),
    /// The policy panicked in `new`.
    NotBuilt(String),
    /// The verdict violates the contract.
    Broken(model::ContractViolations),
}

/// Builds the policy from a scenario's settings, as the host does at load.
pub(super) fn build<P: Policy>(scenario: &Rc<Scenario>) -> Result<P, RunError> {
    let build = || settings::parse(&scenario.own_settings()).and_then(P::new);
    let built = guarded(|| during(scenario, Phase::Building, build));
    let built = built.map_err(|error| match error {
        RunError::Panicked(message) => RunError::NotBuilt(message),
        other => other,
    });
    built?.map_err(RunError::Settings)
}

/// Builds the policy and evaluates it on a scenario.
pub(super) fn evaluate<P: Policy>(scenario: &Rc<Scenario>) -> Result<RunResult, RunError> {
    let policy: P = build(scenario)?;
    let rollout = rollout(scenario)?;
    let evaluate = || policy.evaluate(&Rollout::from_raw(&rollout));
    let result = guarded(|| during(scenario, Phase::Evaluating, evaluate))?;
    let answer = RunResult {
        change: rollout.0.change(),
        result,
    };
    answer.checked()
}

/// Builds the policy once, and lets `run` evaluate it any number of times.
pub(super) fn evaluate_repeatedly<P: Policy, R>(
    scenario: &Rc<Scenario>,
    run: impl FnOnce(&mut dyn FnMut() -> Result<Verdict, Failure>) -> R,
) -> Result<R, RunError> {
    let rollout = rollout(scenario)?;
    let policy: P = build(scenario)?;
    let mut evaluate = || {
        host::begin_evaluation();
        policy.evaluate(&Rollout::from_raw(&rollout))
    };
    guarded(|| during(scenario, Phase::Evaluating, || run(&mut evaluate)))
}

fn rollout(scenario: &Scenario) -> Result<RawRollout, RunError> {
    match scenario.rollout() {
        Ok(rollout) => Ok(RawRollout(rollout)),
        Err(error) => Err(RunError::NoRollout(error.to_string())),
    }
}

fn guarded<R>(run: impl FnOnce() -> R) -> Result<R, RunError> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|payload| match payload.downcast::<Fatal>() {
        Ok(fatal) => RunError::Fatal(*fatal),
        Err(payload) => RunError::Panicked(panic_message(&*payload)),
    })
}

fn panic_message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("without a message")
        .to_owned()
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRollout(why) => f.write_str(why),
            Self::Settings(error) => {
                let problems = error.problems().iter();
                let messages: Vec<_> = problems
                    .map(|(path, message)| match path.as_str() {
                        "" => message.clone(),
                        path => format!("{path}: {message}"),
                    })
                    .collect();
                write!(
                    f,
                    "the policy refuses its settings: {}",
                    messages.join("; ")
                )
            }
            Self::Fatal(Fatal::MissingFact(question)) => question.fmt(f),
            Self::Fatal(Fatal::NoTemplate(why)) => f.write_str(why),
            Self::Fatal(Fatal::WhileBuilding(call)) => write!(
                f,
                "the policy calls `{call}` in `configure`: the answer would be frozen into every \
                 later verdict; call it in `evaluate`"
            ),
            Self::Broken(broken) => broken.fmt(f),
            Self::Panicked(message) => write!(f, "the policy crashed: {message}"),
            Self::NotBuilt(message) => {
                write!(f, "`configure` failed: the policy crashed: {message}")
            }
        }
    }
}

impl RunResult {
    /// Returns the result as the host reads it, if it keeps the contract.
    fn checked(mut self) -> Result<Self, RunError> {
        if let Ok(verdict) = &mut self.result {
            let read = verdict_to_model(verdict);
            read.check_contract().map_err(RunError::Broken)?;
            verdict.outcome = read.outcome;
        }
        Ok(self)
    }

    /// Converts the result to the model's types.
    pub(super) fn to_model(&self) -> Result<model::Verdict, Failure> {
        match &self.result {
            Ok(verdict) => Ok(verdict_to_model(verdict)),
            Err(failure) => Err(failure.clone()),
        }
    }
}

fn verdict_to_model(verdict: &Verdict) -> model::Verdict {
    let (findings, evidence) = (verdict.findings.clone(), verdict.evidence.clone());
    model::Verdict::new(verdict.outcome, findings, evidence)
}
