//! The fake host, which answers a policy's host calls from a scenario off Wasm.

use crate::cluster::ClusterError;
use crate::metrics::{MetricsError, Point, Sample, Series};
use jiff::Timestamp;
use rollgate_model as model;
use rollgate_model::host_calls;
use rollgate_model::scenario::{MetricRange, MissingFact, Scenario};
use std::cell::{Cell, RefCell};
use std::panic::resume_unwind;
use std::rc::Rc;
use std::time::Duration;

/// The scenario with the answers, and the phase of the policy.
#[derive(Clone)]
pub(crate) struct Host {
    scenario: Rc<Scenario>,
    phase: Phase,
    /// The number of host calls that are left.
    left: Rc<Cell<u32>>,
}

/// The phase of a policy.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It is being built from its settings.
    Building,
    /// It is evaluating a rollout.
    Evaluating,
}

/// A host call that ends the policy's run, by unwinding with this payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fatal {
    /// The scenario has no answer.
    MissingFact(MissingFact),
    /// The policy asked for a Pod template that is not known.
    NoTemplate(String),
    /// The call is not available while a policy is built.
    WhileBuilding(&'static str),
}

thread_local! {
    static HOST: RefCell<Option<Host>> = const { RefCell::new(None) };
}

/// Answers the host calls of `run` from a scenario.
pub(crate) fn during<R>(scenario: &Rc<Scenario>, phase: Phase, run: impl FnOnce() -> R) -> R {
    /// Restores the previous host, also on a panic.
    struct Restore(Option<Host>);
    impl Drop for Restore {
        fn drop(&mut self) {
            HOST.set(self.0.take());
        }
    }
    let host = Host {
        scenario: Rc::clone(scenario),
        phase,
        left: Rc::new(Cell::new(host_calls::LIMIT)),
    };
    let _restore = Restore(HOST.replace(Some(host)));
    run()
}

/// Calls the host of the running test.
pub(crate) fn with<R>(ask: impl FnOnce(&Host) -> R) -> R {
    let host = HOST.with_borrow(Clone::clone);
    ask(&host.expect("off Wasm, host calls work only within `rollgate_sdk::testing`"))
}

/// Resets the number of host calls for another evaluation.
pub(crate) fn begin_evaluation() {
    with(|host| host.left.set(host_calls::LIMIT));
}

impl Host {
    pub(crate) fn now(&self) -> Timestamp {
        self.require_evaluation("clock.now");
        self.scenario
            .now
            .unwrap_or_else(|| missing_fact(MissingFact::Now))
    }

    pub(crate) fn query(
        &self,
        source: &str,
        query: &str,
        at: Option<Timestamp>,
    ) -> Result<Vec<Sample>, MetricsError> {
        self.require_evaluation("metrics.query");
        let at = at.unwrap_or_else(|| self.now());
        self.ask_metrics()?;
        let answer = self
            .scenario
            .metrics_at(source, query, at)
            .unwrap_or_else(missing_fact);
        Ok(answer
            .map_err(metrics_error)?
            .into_iter()
            .map(sample)
            .collect())
    }

    pub(crate) fn query_range(
        &self,
        source: &str,
        query: &str,
        start: Timestamp,
        end: Timestamp,
        step: u64,
    ) -> Result<Vec<Series>, MetricsError> {
        self.require_evaluation("metrics.query-range");
        let step = Duration::from_millis(step);
        host_calls::check_range(start, end, step).map_err(|message| MetricsError {
            code: model::MetricsErrorCode::BadQuery.as_str().into(),
            message,
        })?;
        self.ask_metrics()?;
        let range = MetricRange { start, end, step };
        let answer = self
            .scenario
            .metrics_range(source, query, range)
            .unwrap_or_else(missing_fact);
        Ok(answer
            .map_err(metrics_error)?
            .into_iter()
            .map(series)
            .collect())
    }

    pub(crate) fn get(
        &self,
        api_version: &str,
        kind: &str,
        namespace: &str,
        name: &str,
    ) -> Result<String, ClusterError> {
        self.require_evaluation("cluster.get");
        self.ask_cluster(kind)?;
        let answer = self
            .scenario
            .object(api_version, kind, namespace, name)
            .unwrap_or_else(missing_fact);
        answer.map(ToString::to_string).map_err(cluster_error)
    }

    pub(crate) fn list(
        &self,
        api_version: &str,
        kind: &str,
        namespace: &str,
        label_selector: &str,
    ) -> Result<Vec<String>, ClusterError> {
        self.require_evaluation("cluster.list");
        self.ask_cluster(kind)?;
        let answer = self
            .scenario
            .list(api_version, kind, namespace, label_selector)
            .unwrap_or_else(missing_fact);
        Ok(answer
            .map_err(cluster_error)?
            .into_iter()
            .map(ToString::to_string)
            .collect())
    }

    fn ask_metrics(&self) -> Result<(), MetricsError> {
        self.count().map_err(|message| MetricsError {
            code: model::MetricsErrorCode::Limit.as_str().into(),
            message,
        })
    }

    fn ask_cluster(&self, kind: &str) -> Result<(), ClusterError> {
        let error = |code: model::ClusterErrorCode, message: String| ClusterError {
            code: code.as_str().into(),
            message,
        };
        if host_calls::is_secret(kind) {
            let code = model::ClusterErrorCode::NotGranted;
            return Err(error(code, host_calls::NO_SECRETS.to_owned()));
        }
        self.count()
            .map_err(|message| error(model::ClusterErrorCode::Limit, message))
    }

    /// Counts a host call.
    fn count(&self) -> Result<(), String> {
        let left = self.left.get().checked_sub(1);
        self.left.set(left.ok_or_else(host_calls::limit_message)?);
        Ok(())
    }

    fn require_evaluation(&self, call: &'static str) {
        if self.phase == Phase::Building {
            resume_unwind(Box::new(Fatal::WhileBuilding(call)));
        }
    }
}

/// Unwinds without a panic message: the test reports what is missing, once.
fn missing_fact<T>(question: MissingFact) -> T {
    resume_unwind(Box::new(Fatal::MissingFact(question)))
}

/// Unwinds as [`missing_fact`] does.
pub(crate) fn no_template(why: String) -> ! {
    resume_unwind(Box::new(Fatal::NoTemplate(why)))
}

fn sample(sample: model::Sample) -> Sample {
    Sample {
        labels: sample.labels,
        value: sample.value,
        at: sample.at,
    }
}

fn series(series: model::Series) -> Series {
    let point = |point: model::Point| Point {
        value: point.value,
        at: point.at,
    };
    Series {
        labels: series.labels,
        points: series.points.into_iter().map(point).collect(),
    }
}

fn metrics_error(error: model::MetricsError) -> MetricsError {
    MetricsError {
        code: error.code.as_str().into(),
        message: error.message,
    }
}

fn cluster_error(error: model::ClusterError) -> ClusterError {
    ClusterError {
        code: error.code.as_str().into(),
        message: error.message,
    }
}
