//! What a policy answers to a scenario, or why it came to no answer.

use super::host::{self, Fatal, Phase, during};
use crate::sys::RawRollout;
use crate::{Failure, Outcome, Policy, Rollout, SettingsError, Severity, Verdict, settings};
use rollgate_model as model;
use rollgate_model::scenario::Scenario;
use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

/// What a policy said of a rollout, with the class of its change.
pub(super) struct Answer {
    pub(super) change: model::Change,
    pub(super) said: Result<Verdict, Failure>,
}

/// Why a policy came to no answer.
#[derive(Debug)]
pub(super) enum NoAnswer {
    /// The scenario tells of no rollout.
    NoRollout(String),
    /// The policy refused its settings.
    Settings(SettingsError),
    /// A call that the host does not answer.
    Fatal(Fatal),
    /// The policy panicked; the test's output has told where.
    Panicked(String),
    /// The same, while it was built.
    NotBuilt(String),
    /// The verdict breaks the contract.
    Broken(model::ContractViolations),
}

/// Builds the policy from a scenario's settings, as the host does at load.
pub(super) fn build<P: Policy>(scenario: &Rc<Scenario>) -> Result<P, NoAnswer> {
    let build = || settings::parse(&scenario.own_settings()).and_then(P::new);
    let built = guarded(|| during(scenario, Phase::Building, build));
    let built = built.map_err(|none| match none {
        NoAnswer::Panicked(message) => NoAnswer::NotBuilt(message),
        other => other,
    });
    built?.map_err(NoAnswer::Settings)
}

/// Builds the policy and lets it judge a scenario.
pub(super) fn judge<P: Policy>(scenario: &Rc<Scenario>) -> Result<Answer, NoAnswer> {
    let policy: P = build(scenario)?;
    let rollout = rollout(scenario)?;
    let evaluate = || policy.evaluate(&Rollout::from_raw(&rollout));
    let said = guarded(|| during(scenario, Phase::Judging, evaluate))?;
    let answer = Answer {
        change: rollout.0.change(),
        said,
    };
    answer.held_to_the_contract()
}

/// Builds the policy once, and lets `run` have it judge as often as it likes.
pub(super) fn judge_repeatedly<P: Policy, R>(
    scenario: &Rc<Scenario>,
    run: impl FnOnce(&mut dyn FnMut() -> Result<Verdict, Failure>) -> R,
) -> Result<R, NoAnswer> {
    let rollout = rollout(scenario)?;
    let policy: P = build(scenario)?;
    let mut evaluate = || {
        host::begin_evaluation();
        policy.evaluate(&Rollout::from_raw(&rollout))
    };
    guarded(|| during(scenario, Phase::Judging, || run(&mut evaluate)))
}

fn rollout(scenario: &Scenario) -> Result<RawRollout, NoAnswer> {
    match scenario.rollout() {
        Ok(rollout) => Ok(RawRollout(rollout)),
        Err(error) => Err(NoAnswer::NoRollout(error.to_string())),
    }
}

fn guarded<R>(run: impl FnOnce() -> R) -> Result<R, NoAnswer> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|payload| match payload.downcast::<Fatal>() {
        Ok(fatal) => NoAnswer::Fatal(*fatal),
        Err(payload) => NoAnswer::Panicked(panic_message(&*payload)),
    })
}

fn panic_message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("without a message")
        .to_owned()
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRollout(why) => f.write_str(why),
            Self::Settings(error) => {
                let problems = error.problems().iter();
                let told: Vec<_> = problems
                    .map(|(path, message)| match path.as_str() {
                        "" => message.clone(),
                        path => format!("{path}: {message}"),
                    })
                    .collect();
                write!(f, "the policy refuses its settings: {}", told.join("; "))
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

impl Answer {
    /// The answer as the host reads it, where it keeps the contract.
    fn held_to_the_contract(mut self) -> Result<Self, NoAnswer> {
        if let Ok(verdict) = &mut self.said {
            let read = verdict_to_model(verdict);
            read.check_contract().map_err(NoAnswer::Broken)?;
            verdict.outcome = match read.outcome {
                model::Outcome::Allow => Outcome::Allow,
                model::Outcome::Hold(until) => Outcome::Hold(until),
                model::Outcome::Deny => Outcome::Deny,
            };
        }
        Ok(self)
    }

    /// The answer as the model has it.
    pub(super) fn to_model(&self) -> Result<model::Verdict, model::Failure> {
        match &self.said {
            Ok(verdict) => Ok(verdict_to_model(verdict)),
            Err(failure) => Err(model::Failure {
                code: failure.code.clone(),
                message: failure.message.clone(),
                extra: Vec::new(),
            }),
        }
    }
}

fn verdict_to_model(verdict: &Verdict) -> model::Verdict {
    let outcome = match verdict.outcome {
        Outcome::Allow => model::Outcome::Allow,
        Outcome::Hold(until) => model::Outcome::Hold(until),
        Outcome::Deny => model::Outcome::Deny,
    };
    let findings = verdict.findings.iter().cloned().map(finding_to_model);
    let evidence = verdict.evidence.iter().cloned().map(evidence_to_model);
    model::Verdict::new(outcome, findings.collect(), evidence.collect())
}

fn finding_to_model(finding: crate::Finding) -> model::Finding {
    model::Finding {
        severity: match finding.severity {
            Severity::Info => model::Severity::Info,
            Severity::Warn => model::Severity::Warn,
            Severity::Hold => model::Severity::Hold,
            Severity::Deny => model::Severity::Deny,
        },
        rule: finding.rule,
        path: finding.path,
        message: finding.message,
        found: finding.found,
        expected: finding.expected,
        hint: finding.hint,
        existing: finding.existing,
        extra: Vec::new(),
    }
}

fn evidence_to_model(evidence: crate::Evidence) -> model::Evidence {
    model::Evidence {
        name: evidence.name,
        value: evidence.value,
        bound: evidence.bound,
        at: evidence.at,
        extra: evidence.extra,
    }
}
