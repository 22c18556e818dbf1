//! Metrics and logs of rollgate itself. docs/metrics.md lists every metric.

mod labels;
pub(crate) mod logs;
mod metrics;
pub(crate) mod text;

use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use jiff::Timestamp;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use labels::{
    DecisionLabels, ErrorLabels, EventLabels, OverrideLabels, PolicyLabels, ReloadLabels,
    RequestLabels, ReviewLabels, StateLabels, SubjectLabels, WatchLabels,
};
pub(crate) use labels::{
    EventOutcome, PolicyDecision, ReloadOutcome, ReloadSubject, ReviewOutcome, VerdictLabel,
};
use logs::Dropped;
use metrics::Metrics;

/// The content type of [`Telemetry::encode`]'s text.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Whether prepared policies are cached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CacheUse {
    /// They are.
    Used,
    /// There is no cache, or it cannot be used.
    None,
}

/// The metrics of the process. Clones share them.
#[derive(Clone, Debug)]
pub struct Telemetry(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    registry: Registry,
    metrics: Metrics,
    log: OnceLock<Dropped>,
}

impl Telemetry {
    /// Counts the result of one policy for one rollout.
    pub(crate) fn decision(&self, decision: &PolicyDecision<'_>) {
        self.metrics()
            .decisions
            .get_or_create(&DecisionLabels::from(decision))
            .inc();
    }

    /// Records the time of one evaluation, host calls included.
    pub(crate) fn evaluation(&self, policy: &Arc<str>, took: Duration) {
        let labels = PolicyLabels {
            policy: Arc::clone(policy),
        };
        self.metrics()
            .evaluations
            .get_or_create(&labels)
            .observe(took.as_secs_f64());
    }

    /// Counts an evaluation that failed; `kind` is the engine's kind of error, such as `trap`.
    pub(crate) fn error(&self, policy: &Arc<str>, kind: &'static str) {
        let labels = ErrorLabels {
            policy: Arc::clone(policy),
            kind,
        };
        self.metrics().errors.get_or_create(&labels).inc();
    }

    /// Counts a review by its outcome.
    pub(crate) fn review(&self, outcome: ReviewOutcome) {
        self.metrics()
            .reviews
            .get_or_create(&ReviewLabels { outcome })
            .inc();
    }

    /// Counts an override that was checked for a rollout that policies stopped: `passed`, `would-pass`
    /// in a dry run, or why it did not apply, such as `expired`.
    pub(crate) fn override_checked(&self, outcome: &'static str) {
        self.metrics()
            .overrides
            .get_or_create(&OverrideLabels { outcome })
            .inc();
    }

    /// Counts an Event by its outcome.
    pub(crate) fn event(&self, outcome: EventOutcome) {
        self.metrics()
            .events
            .get_or_create(&EventLabels { outcome })
            .inc();
    }

    /// Records the time of one request, from its head to the response, by HTTP status.
    pub(crate) fn request(&self, code: u16, took: Duration) {
        self.metrics()
            .requests
            .get_or_create(&RequestLabels { code })
            .observe(took.as_secs_f64());
    }

    /// Counts a request as in flight until the guard is dropped.
    #[must_use]
    pub(crate) fn in_flight(&self) -> GaugeGuard {
        GaugeGuard::new(&self.metrics().in_flight)
    }

    /// Counts a connection as open until the guard is dropped.
    #[must_use]
    pub(crate) fn connection(&self) -> GaugeGuard {
        GaugeGuard::new(&self.metrics().connections)
    }

    /// Counts a connection that could not be accepted.
    pub(crate) fn accept_error(&self) {
        self.metrics().accept_errors.inc();
    }

    /// Counts a failure of the watch for a kind.
    pub(crate) fn watch_error(&self, kind: &'static str) {
        self.metrics()
            .watch_errors
            .get_or_create(&WatchLabels { kind })
            .inc();
    }

    /// Counts a request that panicked.
    pub(crate) fn panic(&self) {
        self.metrics().panics.inc();
    }

    /// Sets the number of active policies that are ready, of those that are refused, and of those that are
    /// still being loaded.
    pub(crate) fn policies(&self, ready: usize, refused: usize, loading: usize) {
        let set = |state, count: usize| {
            let gauge = self
                .metrics()
                .policies
                .get_or_create_owned(&StateLabels { state });
            gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        };
        set("ready", ready);
        set("refused", refused);
        set("loading", loading);
    }

    /// Records whether prepared policies are cached.
    pub(crate) fn cache(&self, used: CacheUse) {
        self.metrics().cache_used.set(match used {
            CacheUse::Used => 1,
            CacheUse::None => 0,
        });
    }

    /// Counts a reload. A failed one shows in `rollgate_reload_stale` until a later one succeeds.
    pub(crate) fn reload(&self, subject: ReloadSubject, outcome: ReloadOutcome) {
        let metrics = self.metrics();
        metrics
            .reloads
            .get_or_create(&ReloadLabels { subject, outcome })
            .inc();
        let stale = i64::from(outcome == ReloadOutcome::Failed);
        metrics
            .stale
            .get_or_create(&SubjectLabels { subject })
            .set(stale);
    }

    /// Sets the time at which the serving certificate expires.
    pub(crate) fn certificate_expiry(&self, at: Timestamp) {
        self.metrics()
            .certificate_expiry
            .set(at.as_duration().as_secs_f64());
    }

    /// Reports the lines that this log drops.
    pub(crate) fn log(&self, guard: &logs::Guard) {
        // The process has one log, so a second call changes nothing.
        let _ = self.0.log.set(guard.dropped());
    }

    /// Returns all metrics in the OpenMetrics text format, which Prometheus reads.
    #[must_use]
    pub(crate) fn encode(&self) -> String {
        if let Some(log) = self.0.log.get() {
            let dropped = &self.metrics().log_lines_dropped;
            dropped.inner().store(log.lines(), Ordering::Relaxed);
        }
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.0.registry)
            .expect("writing to a String cannot fail");
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
        let log = OnceLock::new();
        Self(Arc::new(Inner {
            registry,
            metrics,
            log,
        }))
    }
}

/// Keeps a gauge one higher until it is dropped.
#[derive(Debug)]
pub(crate) struct GaugeGuard(Gauge);

impl GaugeGuard {
    fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for GaugeGuard {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests;
