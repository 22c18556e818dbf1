//! The host interface on Wasm: the contract's imports, and conversions of the SDK's types.

use crate::bindings::rollgate::policy::{
    clock as wit_clock, cluster as wit_cluster, log as wit_log,
};
use crate::bindings::rollgate::policy::{metrics as wit_metrics, types as wit};
use crate::clock::{Instant, Local, ZoneError};
use crate::cluster::ClusterError;
use crate::log::Level;
use crate::metrics::{MetricsError, Point, Sample, Series};
use crate::{Evidence, Failure, Finding, Outcome, Verdict};
use jiff::Timestamp;
use jiff::civil::DateTime;

pub use wit::Rollout as RawRollout;
pub(crate) use wit::Workload as RawWorkload;

/// The records of the contract.
pub(crate) mod records {
    pub use crate::bindings::rollgate::policy::types::{
        Container, ContainerPort, EnvFrom, EnvVar, Grpc, Handler, HttpGet, IntOrString, Lifecycle,
        Pod, Probe, Resources, SecurityContext, Strategy, TcpSocket, VolumeMount,
    };
}

pub(crate) fn log(level: Level, message: &str) {
    let level = match level {
        Level::Debug => wit_log::Level::Debug,
        Level::Info => wit_log::Level::Info,
        Level::Warn => wit_log::Level::Warn,
        Level::Error => wit_log::Level::Error,
    };
    wit_log::write(level, message);
}

pub(crate) fn panicked(message: &str) {
    wit_log::panicked(message);
}

pub(crate) fn now() -> Timestamp {
    from_wit(wit_clock::now())
}

pub(crate) fn to_civil(at: Timestamp, zone: &str) -> Result<Local, ZoneError> {
    let local = wit_clock::to_civil(to_wit(at), zone).map_err(zone_error)?;
    Ok(Local {
        civil: civil_from_wit(local.civil),
        offset_seconds: local.offset_seconds,
        abbreviation: local.abbreviation,
        dst: local.dst,
    })
}

pub(crate) fn from_civil(civil: DateTime, zone: &str) -> Result<Instant, ZoneError> {
    let instant = wit_clock::from_civil(civil_to_wit(civil), zone).map_err(zone_error)?;
    Ok(match instant {
        wit_clock::Instant::Once(at) => Instant::Once(from_wit(at)),
        wit_clock::Instant::Skipped(at) => Instant::Skipped(from_wit(at)),
        wit_clock::Instant::Twice((earlier, later)) => {
            Instant::Twice(from_wit(earlier), from_wit(later))
        }
    })
}

pub(crate) fn query(
    source: &str,
    query: &str,
    at: Option<Timestamp>,
) -> Result<Vec<Sample>, MetricsError> {
    let samples = wit_metrics::query(source, query, at.map(to_wit)).map_err(metrics_error)?;
    Ok(samples
        .into_iter()
        .map(|s| Sample {
            labels: s.labels,
            value: s.value,
            at: from_wit(s.at),
        })
        .collect())
}

pub(crate) fn query_range(
    source: &str,
    query: &str,
    start: Timestamp,
    end: Timestamp,
    step: u64,
) -> Result<Vec<Series>, MetricsError> {
    let series = wit_metrics::query_range(source, query, to_wit(start), to_wit(end), step)
        .map_err(metrics_error)?;
    let point = |p: wit_metrics::Point| Point {
        value: p.value,
        at: from_wit(p.at),
    };
    Ok(series
        .into_iter()
        .map(|s| Series {
            labels: s.labels,
            points: s.points.into_iter().map(point).collect(),
        })
        .collect())
}

pub(crate) fn get(
    api_version: &str,
    kind: &str,
    namespace: &str,
    name: &str,
) -> Result<String, ClusterError> {
    wit_cluster::get(api_version, kind, namespace, name).map_err(cluster_error)
}

pub(crate) fn list(
    api_version: &str,
    kind: &str,
    namespace: &str,
    label_selector: &str,
) -> Result<Vec<String>, ClusterError> {
    wit_cluster::list(api_version, kind, namespace, label_selector).map_err(cluster_error)
}

pub(crate) fn get_fresh(
    api_version: &str,
    kind: &str,
    namespace: &str,
    name: &str,
) -> Result<String, ClusterError> {
    wit_cluster::get_fresh(api_version, kind, namespace, name).map_err(cluster_error)
}

pub(crate) fn list_fresh(
    api_version: &str,
    kind: &str,
    namespace: &str,
    label_selector: &str,
) -> Result<Vec<String>, ClusterError> {
    wit_cluster::list_fresh(api_version, kind, namespace, label_selector).map_err(cluster_error)
}

pub(crate) fn verdict_to_wit(verdict: Verdict) -> wit::Verdict {
    wit::Verdict {
        outcome: match verdict.outcome {
            Outcome::Allow => wit::Outcome::Allow,
            Outcome::Hold(until) => wit::Outcome::Hold(until.map(to_wit)),
            Outcome::Deny => wit::Outcome::Deny,
        },
        findings: verdict.findings.into_iter().map(finding_to_wit).collect(),
        evidence: verdict.evidence.into_iter().map(evidence_to_wit).collect(),
        extra: Vec::new(),
    }
}

pub(crate) fn failure_to_wit(failure: Failure) -> wit::Failure {
    wit::Failure {
        code: failure.code,
        message: failure.message,
        extra: failure.extra,
    }
}

fn finding_to_wit(finding: Finding) -> wit::Finding {
    wit::Finding {
        severity: finding.severity.as_str().to_owned(),
        rule: finding.rule,
        path: finding.path,
        message: finding.message,
        found: finding.found,
        expected: finding.expected,
        hint: finding.hint,
        existing: finding.existing,
        extra: finding.extra,
    }
}

fn evidence_to_wit(evidence: Evidence) -> wit::Evidence {
    wit::Evidence {
        name: evidence.name,
        value: evidence.value,
        bound: evidence.bound,
        at: evidence.at.map(to_wit),
        extra: evidence.extra,
    }
}

/// The contract counts nanoseconds forward from the second; jiff counts them towards the epoch.
fn to_wit(at: Timestamp) -> wit::Timestamp {
    let (seconds, nanoseconds) = (at.as_second(), at.subsec_nanosecond());
    match u32::try_from(nanoseconds) {
        Ok(nanoseconds) => wit::Timestamp {
            seconds,
            nanoseconds,
        },
        Err(_) => wit::Timestamp {
            seconds: seconds - 1,
            nanoseconds: 1_000_000_000 - nanoseconds.unsigned_abs(),
        },
    }
}

fn from_wit(at: wit::Timestamp) -> Timestamp {
    let nanoseconds = i32::try_from(at.nanoseconds).unwrap_or(0);
    // The error is never shown: formatting jiff's errors would double the size of a small policy.
    let Ok(at) = Timestamp::new(at.seconds, nanoseconds) else {
        unreachable!("the host's clock stays within years -9999 to 9999")
    };
    at
}

fn civil_to_wit(civil: DateTime) -> wit_clock::Civil {
    let part = i8::unsigned_abs;
    wit_clock::Civil {
        year: civil.year(),
        month: part(civil.month()),
        day: part(civil.day()),
        hour: part(civil.hour()),
        minute: part(civil.minute()),
        second: part(civil.second()),
    }
}

fn civil_from_wit(civil: wit_clock::Civil) -> DateTime {
    let part = |n: u8| i8::try_from(n).unwrap_or(i8::MAX);
    let civil = DateTime::new(
        civil.year,
        part(civil.month),
        part(civil.day),
        part(civil.hour),
        part(civil.minute),
        part(civil.second),
        0,
    );
    let Ok(civil) = civil else {
        unreachable!("the host gives valid dates")
    };
    civil
}

fn zone_error(error: wit_clock::ZoneError) -> ZoneError {
    ZoneError {
        code: (&*error.code).into(),
        message: error.message,
    }
}

fn metrics_error(error: wit_metrics::MetricsError) -> MetricsError {
    MetricsError {
        code: (&*error.code).into(),
        message: error.message,
    }
}

fn cluster_error(error: wit_cluster::ClusterError) -> ClusterError {
    ClusterError {
        code: (&*error.code).into(),
        message: error.message,
    }
}
