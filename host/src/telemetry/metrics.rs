//! All metrics with their names and help texts.

use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use super::labels::{
    DecisionLabels, ErrorLabels, EventLabels, OverrideLabels, PolicyLabels, ReloadLabels,
    RequestLabels, ReviewLabels, StateLabels, SubjectLabels, WatchLabels,
};

type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

#[derive(Debug)]
pub(super) struct Metrics {
    pub(super) decisions: Family<DecisionLabels, Counter>,
    pub(super) evaluations: Histograms<PolicyLabels>,
    pub(super) errors: Family<ErrorLabels, Counter>,
    pub(super) reviews: Family<ReviewLabels, Counter>,
    pub(super) overrides: Family<OverrideLabels, Counter>,
    pub(super) events: Family<EventLabels, Counter>,
    pub(super) requests: Histograms<RequestLabels>,
    pub(super) in_flight: Gauge,
    pub(super) connections: Gauge,
    pub(super) accept_errors: Counter,
    pub(super) panics: Counter,
    pub(super) policies: Family<StateLabels, Gauge>,
    pub(super) cache_used: Gauge,
    pub(super) reloads: Family<ReloadLabels, Counter>,
    pub(super) stale: Family<SubjectLabels, Gauge>,
    pub(super) watch_errors: Family<WatchLabels, Counter>,
    pub(super) certificate_expiry: Gauge<f64, AtomicU64>,
    pub(super) log_lines_dropped: Counter,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            decisions: Family::default(),
            evaluations: Family::new_with_constructor(latency),
            errors: Family::default(),
            reviews: Family::default(),
            overrides: Family::default(),
            events: Family::default(),
            requests: Family::new_with_constructor(latency),
            in_flight: Gauge::default(),
            connections: Gauge::default(),
            accept_errors: Counter::default(),
            panics: Counter::default(),
            policies: Family::default(),
            cache_used: Gauge::default(),
            reloads: Family::default(),
            stale: Family::default(),
            watch_errors: Family::default(),
            certificate_expiry: Gauge::default(),
            log_lines_dropped: Counter::default(),
        }
    }
}

impl Metrics {
    /// Registers all metrics.
    pub(super) fn registry(&self) -> Registry {
        let mut all = Registry::with_prefix("rollgate");
        all.register(
            "build",
            "The running version",
            Info::new([("version", env!("CARGO_PKG_VERSION"))]),
        );
        self.register_reviews(&mut all);
        self.register_server(&mut all);
        all
    }

    fn register_reviews(&self, all: &mut Registry) {
        all.register(
            "decisions",
            "Results of policies, by policy, verdict, class of change and kind of object",
            self.decisions.clone(),
        );
        all.register_with_unit(
            "evaluation_duration",
            "Time of one policy's evaluation, its host calls included",
            Unit::Seconds,
            self.evaluations.clone(),
        );
        all.register(
            "policy_errors",
            "Evaluations that failed, by policy and kind of failure",
            self.errors.clone(),
        );
        all.register("reviews", "Reviews, by outcome", self.reviews.clone());
        all.register(
            "overrides",
            "Overrides checked for rollouts that policies stopped, by outcome",
            self.overrides.clone(),
        );
        all.register(
            "events",
            "Events about workloads and policies, by outcome",
            self.events.clone(),
        );
        all.register(
            "policies",
            "Active policies; one that is refused or being loaded fails every review that it matches",
            self.policies.clone(),
        );
        all.register(
            "cache_used",
            "1 if prepared policies are cached, 0 if they are prepared anew at each start",
            self.cache_used.clone(),
        );
    }

    fn register_server(&self, all: &mut Registry) {
        all.register_with_unit(
            "request_duration",
            "Time of one request from its head to the response, by HTTP status",
            Unit::Seconds,
            self.requests.clone(),
        );
        all.register(
            "requests_in_flight",
            "Requests that are being answered",
            self.in_flight.clone(),
        );
        all.register(
            "connections",
            "Open connections to the webhook",
            self.connections.clone(),
        );
        all.register(
            "accept_errors",
            "Connections that could not be accepted",
            self.accept_errors.clone(),
        );
        all.register("panics", "Requests that panicked", self.panics.clone());
        all.register(
            "reloads",
            "Reloads of policies and certificate, by outcome",
            self.reloads.clone(),
        );
        all.register(
            "reload_stale",
            "1 while the active version is older than the files, because the files could not be used",
            self.stale.clone(),
        );
        all.register(
            "watch_errors",
            "Failures of the watches for policies and metric sources in the cluster",
            self.watch_errors.clone(),
        );
        all.register(
            "log_lines_dropped",
            "Log lines that were dropped because stderr was not read fast enough",
            self.log_lines_dropped.clone(),
        );
        all.register_with_unit(
            "certificate_expiry_timestamp",
            "Expiry of the serving certificate, in seconds since 1970",
            Unit::Seconds,
            self.certificate_expiry.clone(),
        );
    }
}

/// From 5 µs, below the cheapest evaluation, to the longest deadline a webhook can have, 30 s.
fn latency() -> Histogram {
    Histogram::new([
        5e-6, 1e-5, 1.5e-5, 2e-5, 3e-5, 5e-5, 7.5e-5, 1e-4, 1.5e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3,
        5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
    ])
}
