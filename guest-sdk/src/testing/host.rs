//! The fake host: what answers a policy's calls off Wasm.

use crate::cluster::ClusterError;
use crate::metrics::{MetricsError, Sample, Series};
use jiff::Timestamp;

/// The facts that a test gives.
#[derive(Debug, Default)]
pub(crate) struct Host {
    now: Option<Timestamp>,
}

thread_local! {
    static HOST: Host = const { Host { now: None } };
}

/// Asks the host of the running test.
pub(crate) fn with<R>(ask: impl FnOnce(&Host) -> R) -> R {
    HOST.with(ask)
}

impl Host {
    pub(crate) fn answer_now(&self) -> Timestamp {
        self.now.unwrap_or_else(|| unanswered("the time"))
    }

    pub(crate) fn answer_query(
        &self,
        _source: &str,
        query: &str,
        _at: Option<Timestamp>,
    ) -> Result<Vec<Sample>, MetricsError> {
        unanswered(query)
    }

    pub(crate) fn answer_range(
        &self,
        _source: &str,
        query: &str,
        _start: Timestamp,
        _end: Timestamp,
        _step: u64,
    ) -> Result<Vec<Series>, MetricsError> {
        unanswered(query)
    }

    pub(crate) fn answer_get(
        &self,
        _: &str,
        kind: &str,
        _: &str,
        name: &str,
    ) -> Result<String, ClusterError> {
        unanswered(&[kind, name].join(" "))
    }

    pub(crate) fn answer_list(
        &self,
        _: &str,
        kind: &str,
        _: &str,
        _: &str,
    ) -> Result<Vec<String>, ClusterError> {
        unanswered(kind)
    }
}

fn unanswered(what: &str) -> ! {
    panic!("the policy asked for {what}, and this test does not answer that")
}
