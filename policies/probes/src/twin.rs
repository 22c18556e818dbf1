//! Liveness probes that repeat the readiness probe.
//!
//! The same check for both is fine when liveness kills much later: readiness then takes the Pod out
//! of its Services first and gives it time. It is harmful when liveness may kill before readiness
//! has withdrawn the Pod.

use rollgate_sdk::rules::Problem;
use rollgate_sdk::{Handler, HttpGet};

use crate::pace::Pace;
use crate::report::Report;
use crate::rules::Rule;
use crate::view::{Kind, View};

/// Checks for a liveness probe that repeats the readiness probe and may act before it.
pub(crate) fn check(view: View<'_>, report: &mut Report<'_>) {
    let container = view.container;
    let (Some(liveness), Some(readiness)) = (&container.liveness_probe, &container.readiness_probe)
    else {
        return;
    };
    if !same_check(view, &liveness.handler, &readiness.handler) {
        return;
    }
    let (liveness, readiness) = (Pace::of(liveness), Pace::of(readiness));
    if liveness.earliest_failure() < readiness.latest_failure() {
        report.add(Rule::LivenessRepeatsReadiness, || {
            kills_first(view, liveness, readiness)
        });
    } else if liveness.timeout < readiness.timeout {
        report.add(Rule::LivenessRepeatsReadiness, || {
            kills_alone(view, liveness, readiness)
        });
    }
}

fn kills_first(view: View<'_>, liveness: Pace, readiness: Pace) -> Problem {
    let (kill, withdraw) = (liveness.earliest_failure(), readiness.latest_failure());
    let enough = (withdraw + liveness.period - 1) / liveness.period + 1;
    Problem {
        path: view.path(Kind::Liveness, ""),
        message: format!(
            "Liveness of `{}` makes the same check as readiness and may kill after {kill} s, while \
             readiness may take {withdraw} s to withdraw: a slow dependency restarts every Pod at once.",
            view.container.name
        ),
        found: format!("may kill after {kill} s"),
        expected: format!("{withdraw} s or more, or another check"),
        hint: format!(
            "Let liveness ask the process alone; or raise livenessProbe.failureThreshold to \
             {enough} or more."
        ),
    }
}

fn kills_alone(view: View<'_>, liveness: Pace, readiness: Pace) -> Problem {
    let (short, long) = (liveness.timeout, readiness.timeout);
    Problem {
        path: view.path(Kind::Liveness, "/timeoutSeconds"),
        message: format!(
            "Liveness of `{}` makes the same check as readiness but gives up sooner: an answer after \
             {short} to {long} s gets traffic and kills. Under load, Pods restart one by one.",
            view.container.name
        ),
        found: format!("timeoutSeconds {short}"),
        expected: format!("{long} or more, as for readiness"),
        hint: format!("Set livenessProbe.timeoutSeconds to {long} or more."),
    }
}

/// Whether both send the same request to the same target; `false` for unknown handlers.
fn same_check(view: View<'_>, one: &Handler, other: &Handler) -> bool {
    match (one, other) {
        (Handler::Exec(one), Handler::Exec(other)) => one == other,
        (Handler::HttpGet(one), Handler::HttpGet(other)) => same_get(view, one, other),
        (Handler::TcpSocket(one), Handler::TcpSocket(other)) => {
            view.port(&one.port) == view.port(&other.port)
                && host(one.host.as_deref()) == host(other.host.as_deref())
        }
        (Handler::Grpc(one), Handler::Grpc(other)) => {
            one.port == other.port && one.service == other.service
        }
        _ => false,
    }
}

fn same_get(view: View<'_>, one: &HttpGet, other: &HttpGet) -> bool {
    view.port(&one.port) == view.port(&other.port)
        && path(&one.path) == path(&other.path)
        && one.scheme.eq_ignore_ascii_case(&other.scheme)
        && host(one.host.as_deref()) == host(other.host.as_deref())
        && virtual_host(one) == virtual_host(other)
}

/// Returns the `Host` header. Other headers mostly identify the client for the server's log.
fn virtual_host(get: &HttpGet) -> Option<&str> {
    let host = |(name, _): &&(String, String)| name.eq_ignore_ascii_case("host");
    get.headers
        .iter()
        .find(host)
        .map(|(_, value)| value.as_str())
}

fn path(path: &str) -> &str {
    path.trim_start_matches('/')
}

fn host(host: Option<&str>) -> &str {
    host.unwrap_or_default()
}
