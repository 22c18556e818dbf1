//! What rollgate tells about itself: metrics and logs. docs/metrics.md lists every metric.

mod labels;
pub mod logs;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use jiff::Timestamp;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

pub use labels::{Decided, ReloadOutcome, Reloaded, ReviewOutcome, Said};
use labels::{
    DecisionLabels, ErrorLabels, PolicyLabels, ReloadLabels, RequestLabels, ReviewLabels,
    StateLabels,
};

/// The content type of [`Telemetry::encode`]'s text.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The metrics of one process. Clones share them.
#[derive(Clone, Debug)]
pub struct Telemetry(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    registry: Registry,
    metrics: Metrics,
}

type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

#[derive(Debug)]
struct Metrics {
    decisions: Family<DecisionLabels, Counter>,
    evaluations: Histograms<PolicyLabels>,
    errors: Family<ErrorLabels, Counter>,
    reviews: Family<ReviewLabels, Counter>,
    requests: Histograms<RequestLabels>,
    in_flight: Gauge,
    connections: Gauge,
    accept_errors: Counter,
    panics: Counter,
    policies: Family<StateLabels, Gauge>,
    reloads: Family<ReloadLabels, Counter>,
    stale: Family<labels::SubjectLabels, Gauge>,
    certificate_expiry: Gauge<f64, AtomicU64>,
}

impl Telemetry {
    /// Counts what one policy said of one rollout.
    pub fn decision(&self, decided: &Decided<'_>) {
        self.metrics()
            .decisions
            .get_or_create(&DecisionLabels::from(decided))
            .inc();
    }

    /// Records how long one policy took, host calls included.
    pub fn evaluation(&self, policy: &str, took: Duration) {
        let labels = PolicyLabels {
            policy: policy.into(),
        };
        self.metrics()
            .evaluations
            .get_or_create(&labels)
            .observe(took.as_secs_f64());
    }

    /// Counts a policy that could not judge; `kind` is one of the engine's words, such as `trap`.
    pub fn error(&self, policy: &str, kind: &'static str) {
        let labels = ErrorLabels {
            policy: policy.into(),
            kind,
        };
        self.metrics().errors.get_or_create(&labels).inc();
    }

    /// Counts a review by what became of it as a whole.
    pub fn review(&self, outcome: ReviewOutcome) {
        self.metrics()
            .reviews
            .get_or_create(&ReviewLabels { outcome })
            .inc();
    }

    /// Records how long one request took, from its head to its answer, by the HTTP status.
    pub fn request(&self, code: u16, took: Duration) {
        self.metrics()
            .requests
            .get_or_create(&RequestLabels { code })
            .observe(took.as_secs_f64());
    }

    /// Counts a request as in flight until the guard is dropped.
    #[must_use]
    pub fn in_flight(&self) -> Raised {
        Raised::new(&self.metrics().in_flight)
    }

    /// Counts a connection as open until the guard is dropped.
    #[must_use]
    pub fn connection(&self) -> Raised {
        Raised::new(&self.metrics().connections)
    }

    /// Counts a connection that could not be accepted.
    pub fn accept_error(&self) {
        self.metrics().accept_errors.inc();
    }

    /// Counts a request that panicked.
    pub fn panic(&self) {
        self.metrics().panics.inc();
    }

    /// Says how many policies are in force and able to judge, and how many are in force but failing.
    pub fn policies(&self, ready: usize, refused: usize) {
        let set = |state, count: usize| {
            let gauge = self
                .metrics()
                .policies
                .get_or_create_owned(&StateLabels { state });
            gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        };
        set("ready", ready);
        set("refused", refused);
    }

    /// Counts a reload, and keeps in sight one that failed until a later one succeeds.
    pub fn reload(&self, subject: Reloaded, outcome: ReloadOutcome) {
        let metrics = self.metrics();
        metrics
            .reloads
            .get_or_create(&ReloadLabels { subject, outcome })
            .inc();
        let stale = i64::from(outcome == ReloadOutcome::Failed);
        metrics
            .stale
            .get_or_create(&labels::SubjectLabels { subject })
            .set(stale);
    }

    /// Says when the serving certificate ends.
    pub fn certificate_expiry(&self, at: Timestamp) {
        self.metrics()
            .certificate_expiry
            .set(at.as_duration().as_secs_f64());
    }

    /// All metrics in the OpenMetrics text format, which Prometheus reads.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.0.registry)
            .expect("writing into a String cannot fail");
        text
    }

    fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }
}

impl Default for Telemetry {
    fn default() -> Self {
        let metrics = Metrics::default();
        let registry = metrics.registry();
        Self(Arc::new(Inner { registry, metrics }))
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            decisions: Family::default(),
            evaluations: Family::new_with_constructor(latency),
            errors: Family::default(),
            reviews: Family::default(),
            requests: Family::new_with_constructor(latency),
            in_flight: Gauge::default(),
            connections: Gauge::default(),
            accept_errors: Counter::default(),
            panics: Counter::default(),
            policies: Family::default(),
            reloads: Family::default(),
            stale: Family::default(),
            certificate_expiry: Gauge::default(),
        }
    }
}

impl Metrics {
    fn registry(&self) -> Registry {
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
            "What policies said, by policy, verdict, class of change and kind of object",
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
        all.register(
            "reviews",
            "Reviews answered, by what became of them as a whole",
            self.reviews.clone(),
        );
        all.register(
            "policies",
            "Policies in force; a refused one fails every review it matches",
            self.policies.clone(),
        );
    }

    fn register_server(&self, all: &mut Registry) {
        all.register_with_unit(
            "request_duration",
            "Time of one request from its head to its answer, by HTTP status",
            Unit::Seconds,
            self.requests.clone(),
        );
        all.register(
            "requests_in_flight",
            "Requests accepted and not yet answered",
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
            "1 while what is in force is older than what the files say, because they could not be used",
            self.stale.clone(),
        );
        all.register_with_unit(
            "certificate_expiry_timestamp",
            "When the serving certificate ends, in seconds since 1970",
            Unit::Seconds,
            self.certificate_expiry.clone(),
        );
    }
}

/// A gauge that is one higher until this is dropped.
#[derive(Debug)]
pub struct Raised(Gauge);

impl Raised {
    fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Raised {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// From 5 µs, below the cheapest evaluation, to the longest deadline a webhook can have, 30 s.
fn latency() -> Histogram {
    Histogram::new([
        5e-6, 1e-5, 1.5e-5, 2e-5, 3e-5, 5e-5, 7.5e-5, 1e-4, 1.5e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3,
        5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_is_counted_under_its_four_labels() {
        let telemetry = Telemetry::default();
        let decided = Decided {
            policy: "shop/probes",
            said: Said::Deny,
            change: "roll-forward",
            kind: "Deployment",
        };
        telemetry.decision(&decided);
        telemetry.decision(&decided);
        let text = telemetry.encode();
        let line = "rollgate_decisions_total{policy=\"shop/probes\",verdict=\"deny\",change=\"roll-forward\",kind=\"Deployment\"} 2";
        assert!(text.contains(line), "{text}");
    }

    #[test]
    fn two_latencies_a_few_microseconds_apart_fall_into_two_buckets() {
        let telemetry = Telemetry::default();
        telemetry.evaluation("a/b", Duration::from_micros(12));
        telemetry.evaluation("a/b", Duration::from_micros(18));
        let text = telemetry.encode();
        let bucket = |le: &str| {
            let start = format!(
                "rollgate_evaluation_duration_seconds_bucket{{le=\"{le}\",policy=\"a/b\"}} "
            );
            text.lines()
                .find_map(|line| line.strip_prefix(start.as_str()))
                .unwrap_or_else(|| panic!("no {start} in {text}"))
        };
        assert_eq!(
            (bucket("0.00001"), bucket("0.000015"), bucket("0.00002")),
            ("0", "1", "2")
        );
    }

    #[test]
    fn a_failed_reload_stays_in_sight_until_one_succeeds() {
        let telemetry = Telemetry::default();
        telemetry.reload(Reloaded::Policies, ReloadOutcome::Failed);
        assert!(
            telemetry
                .encode()
                .contains("rollgate_reload_stale{subject=\"policies\"} 1")
        );
        telemetry.reload(Reloaded::Policies, ReloadOutcome::Ok);
        assert!(
            telemetry
                .encode()
                .contains("rollgate_reload_stale{subject=\"policies\"} 0")
        );
    }

    #[test]
    fn a_request_is_in_flight_until_its_guard_is_dropped() {
        let telemetry = Telemetry::default();
        let guard = telemetry.in_flight();
        assert!(telemetry.encode().contains("rollgate_requests_in_flight 1"));
        drop(guard);
        assert!(telemetry.encode().contains("rollgate_requests_in_flight 0"));
    }
}
