//! The rules, with their names and default levels.

rollgate_sdk::rules! {
    /// A workload that says nowhere how its metrics are scraped.
    MetricsMissing "metrics-missing" Ignore;
    /// Scrape annotations with a port that no container has.
    ScrapePortUnknown "scrape-port-unknown" Warn;
    /// Scrape annotations of the workload, where those of its Pods are read.
    ScrapeAnnotationMisplaced "scrape-annotation-misplaced" Warn;
    /// A container without the variable that sets its log level.
    LogLevelMissing "log-level-missing" Ignore;
    /// A probe that asks an endpoint for metrics or information.
    ProbeOfInfoEndpoint "probe-of-info-endpoint" Warn;
    /// Readiness and liveness that ask the same endpoint.
    EndpointsNotDistinct "endpoints-not-distinct" Ignore;
    /// A missing label. Applies only where the settings require some.
    LabelMissing "label-missing" Warn;
}
