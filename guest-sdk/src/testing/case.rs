//! Builds scenarios in code.

use super::run::{build, evaluate, evaluate_repeatedly};
use crate::{Failure, Policy, SettingsError, Verdict};
use jiff::Timestamp;
use rollgate_model::scenario::{MetricEntry, ObjectError, Scenario, User};
use rollgate_model::{MetricsError, MetricsErrorCode, Sample};
use serde_json::{Value, from_value};
use std::rc::Rc;

use super::run::RunError;

/// A scenario that is built in code. See the [module](super) for an example.
///
/// For tests: the methods panic on invalid arguments, such as a malformed time.
#[derive(Clone, Debug)]
pub struct Case {
    scenario: Scenario,
}

impl Case {
    /// The creation of a workload.
    #[must_use]
    pub fn create(new: Value) -> Self {
        Self::of(None, Some(new))
    }

    /// The update of a workload.
    #[must_use]
    pub fn update(old: Value, new: Value) -> Self {
        Self::of(Some(old), Some(new))
    }

    /// The deletion of a workload.
    #[must_use]
    pub fn delete(old: Value) -> Self {
        Self::of(Some(old), None)
    }

    fn of(old: Option<Value>, new: Option<Value>) -> Self {
        // Without earlier revisions, every new template is a roll-forward.
        let revisions = Some(Vec::new());
        Self {
            scenario: Scenario {
                old,
                new,
                revisions,
                ..Scenario::named("from code")
            },
        }
    }

    /// Sets what existing findings are compared with; by default the old object.
    #[must_use]
    pub fn baseline(mut self, baseline: Value) -> Self {
        self.scenario.baseline = Some(baseline);
        self
    }

    /// Makes nothing count as existing, as where earlier revisions could not be read.
    #[must_use]
    pub fn without_baseline(self) -> Self {
        self.baseline("none".into())
    }

    /// Sets the policy's settings; by default `{}`.
    #[must_use]
    pub fn settings(mut self, settings: Value) -> Self {
        self.scenario.settings = Some(settings);
        self
    }

    /// Sets the instant of the review, such as `2026-03-01T10:00:00Z`.
    #[must_use]
    #[track_caller]
    pub fn now(mut self, now: &str) -> Self {
        self.scenario.now = Some(instant(now));
        self
    }

    /// Sets the requesting user.
    #[must_use]
    pub fn user(mut self, name: &str, groups: &[&str]) -> Self {
        let groups = groups.iter().map(|&group| group.to_owned()).collect();
        self.scenario.user = Some(User {
            name: name.to_owned(),
            groups,
        });
        self
    }

    /// Adds the answer to an instant query: one sample without labels for each value; none means no
    /// data. Call [`now`](Self::now) first.
    #[must_use]
    #[track_caller]
    pub fn metric(self, source: &str, query: &str, values: &[f64]) -> Self {
        let at = self.scenario.now.expect("say `now` before the metrics");
        let samples = values
            .iter()
            .map(|&value| Sample {
                labels: Vec::new(),
                value,
                at,
            })
            .collect();
        self.answer(MetricEntry::instant(source, query, at, Ok(samples)))
    }

    /// Adds an instant query that fails because its source is unavailable.
    #[must_use]
    #[track_caller]
    pub fn metric_unavailable(self, source: &str, query: &str, message: &str) -> Self {
        let at = self.scenario.now.expect("say `now` before the metrics");
        let error = MetricsError {
            code: MetricsErrorCode::Unavailable,
            message: message.to_owned(),
        };
        self.answer(MetricEntry::instant(source, query, at, Err(error)))
    }

    /// Adds any other answer to a query: labels, ranges, errors.
    #[must_use]
    pub fn answer(mut self, entry: MetricEntry) -> Self {
        self.scenario.metrics.push(entry);
        self
    }

    /// Sets all objects of the cluster.
    #[must_use]
    pub fn objects(mut self, objects: impl IntoIterator<Item = Value>) -> Self {
        self.scenario
            .objects
            .get_or_insert_default()
            .extend(objects);
        self
    }

    /// Makes the reads of a kind fail with a code such as `not-seen` or `timeout`.
    ///
    /// # Panics
    /// There is no such code.
    #[must_use]
    #[track_caller]
    pub fn object_error(
        mut self,
        api_version: &str,
        kind: &str,
        code: &str,
        message: &str,
    ) -> Self {
        let code = match from_value(code.into()) {
            Ok(code) => code,
            Err(error) => panic!("`{code}` is no code of a cluster error: {error}"),
        };
        self.scenario.object_errors.push(ObjectError {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            namespace: None,
            name: None,
            code,
            message: message.to_owned(),
        });
        self
    }

    /// Builds the policy and evaluates it.
    ///
    /// # Errors
    /// The policy failed.
    ///
    /// # Panics
    /// The policy has no result: it refuses its settings, makes a call that the case does not
    /// answer, or panics itself.
    #[track_caller]
    pub fn evaluate<P: Policy>(self) -> Result<Verdict, Failure> {
        match evaluate::<P>(&Rc::new(self.scenario)) {
            Ok(answer) => answer.result,
            Err(none) => panic!("{none}"),
        }
    }
}

impl Case {
    /// Builds the policy once, and passes `run` a function that evaluates it any number of times:
    /// for benchmarks of native code.
    ///
    /// # Panics
    /// As [`Case::evaluate`].
    #[track_caller]
    pub fn evaluate_repeatedly<P: Policy, R>(
        self,
        run: impl FnOnce(&mut dyn FnMut() -> Result<Verdict, Failure>) -> R,
    ) -> R {
        match evaluate_repeatedly::<P, R>(&Rc::new(self.scenario), run) {
            Ok(result) => result,
            Err(none) => panic!("{none}"),
        }
    }
}

impl From<Scenario> for Case {
    fn from(scenario: Scenario) -> Self {
        Self { scenario }
    }
}

/// Tests that a policy refuses settings, with one mistake: its JSON pointer, and a part of its message.
///
/// # Panics
/// The policy takes the settings, or reports anything else.
#[track_caller]
pub fn assert_refused<P: Policy>(settings: Value, path: &str, message: &str) {
    let Err(error) = configure::<P>(settings) else {
        panic!("the settings are not refused");
    };
    let is_expected = |(at, text): &(String, String)| at.as_str() == path && text.contains(message);
    assert!(
        matches!(error.problems(), [problem] if is_expected(problem)),
        "expected {path}: {message}, found {error}"
    );
}

/// Builds a policy from settings, as the host does at load.
///
/// # Errors
/// The mistakes in the settings that the policy reports.
///
/// # Panics
/// The policy panics, or makes a host call that is not available at load.
#[track_caller]
pub fn configure<P: Policy>(settings: Value) -> Result<P, SettingsError> {
    let scenario = Scenario {
        settings: Some(settings),
        ..Scenario::named("from code")
    };
    match build::<P>(&Rc::new(scenario)) {
        Ok(policy) => Ok(policy),
        Err(RunError::Settings(error)) => Err(error),
        Err(none) => panic!("{none}"),
    }
}

#[track_caller]
fn instant(text: &str) -> Timestamp {
    match text.parse() {
        Ok(at) => at,
        Err(error) => panic!("`{text}` is no instant such as 2026-03-01T10:00:00Z: {error}"),
    }
}
