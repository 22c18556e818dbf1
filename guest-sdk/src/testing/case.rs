//! A scenario from code.

use super::answer::{build, judge, judge_repeatedly};
use crate::{Failure, Policy, SettingsError, Verdict};
use jiff::Timestamp;
use rollgate_model::scenario::{MetricEntry, Scenario, User};
use rollgate_model::{MetricsError, MetricsErrorCode, Sample};
use serde_json::Value;
use std::rc::Rc;

use super::answer::NoAnswer;

/// One rollout and the world it is judged in, from code. See the [module](super) for an example.
///
/// Its methods panic on what is no sense, such as a time that is none: they are for tests.
#[derive(Clone, Debug)]
pub struct Case {
    scenario: Scenario,
}

impl Case {
    /// A workload that is created.
    #[must_use]
    pub fn create(new: Value) -> Self {
        Self::of(None, Some(new))
    }

    /// A workload that is changed.
    #[must_use]
    pub fn update(old: Value, new: Value) -> Self {
        Self::of(Some(old), Some(new))
    }

    /// A workload that is deleted.
    #[must_use]
    pub fn delete(old: Value) -> Self {
        Self::of(Some(old), None)
    }

    fn of(old: Option<Value>, new: Option<Value>) -> Self {
        // No earlier revisions, so that what changes a template is a roll-forward.
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

    /// What existing findings are held against; the old object where nothing is said.
    #[must_use]
    pub fn baseline(mut self, baseline: Value) -> Self {
        self.scenario.baseline = Some(baseline);
        self
    }

    /// Nothing counts as existing, as where earlier revisions could not be read.
    #[must_use]
    pub fn without_baseline(self) -> Self {
        self.baseline("none".into())
    }

    /// The policy's settings; `{}` where nothing is said.
    #[must_use]
    pub fn settings(mut self, settings: Value) -> Self {
        self.scenario.settings = Some(settings);
        self
    }

    /// The instant of the review, such as `2026-03-01T10:00:00Z`.
    #[must_use]
    #[track_caller]
    pub fn now(mut self, now: &str) -> Self {
        self.scenario.now = Some(instant(now));
        self
    }

    /// Who asks.
    #[must_use]
    pub fn user(mut self, name: &str, groups: &[&str]) -> Self {
        let groups = groups.iter().map(|&group| group.to_owned()).collect();
        self.scenario.user = Some(User {
            name: name.to_owned(),
            groups,
        });
        self
    }

    /// The answer to a query at the instant of the review, which is said before: one sample
    /// without labels for each value; none means no data.
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

    /// A query at the instant of the review that its source does not answer.
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

    /// Any other answer to a query: labels, ranges, errors.
    #[must_use]
    pub fn answer(mut self, entry: MetricEntry) -> Self {
        self.scenario.metrics.push(entry);
        self
    }

    /// The objects of the cluster, all there are.
    #[must_use]
    pub fn objects(mut self, objects: impl IntoIterator<Item = Value>) -> Self {
        self.scenario
            .objects
            .get_or_insert_default()
            .extend(objects);
        self
    }

    /// Builds the policy and lets it judge.
    ///
    /// # Errors
    /// The policy could not be evaluated.
    ///
    /// # Panics
    /// The policy came to no answer: it refuses its settings, makes a call that the case does not
    /// answer, or panics itself.
    #[track_caller]
    pub fn judge<P: Policy>(self) -> Result<Verdict, Failure> {
        match judge::<P>(&Rc::new(self.scenario)) {
            Ok(answer) => answer.said,
            Err(none) => panic!("{none}"),
        }
    }
}

impl Case {
    /// Builds the policy once and hands `run` a function that has it judge, again and again: the
    /// native side of a benchmark.
    ///
    /// # Panics
    /// As [`Case::judge`].
    #[track_caller]
    pub fn judge_repeatedly<P: Policy, R>(
        self,
        run: impl FnOnce(&mut dyn FnMut() -> Result<Verdict, Failure>) -> R,
    ) -> R {
        match judge_repeatedly::<P, R>(&Rc::new(self.scenario), run) {
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

/// Builds a policy from settings, as the host does at load.
///
/// # Errors
/// What the policy says is wrong with them.
///
/// # Panics
/// The policy panics, or calls what no host answers at load.
#[track_caller]
pub fn configure<P: Policy>(settings: Value) -> Result<P, SettingsError> {
    let scenario = Scenario {
        settings: Some(settings),
        ..Scenario::named("from code")
    };
    match build::<P>(&Rc::new(scenario)) {
        Ok(policy) => Ok(policy),
        Err(NoAnswer::Settings(error)) => Err(error),
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
