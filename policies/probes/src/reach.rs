//! Probes that contact other hosts.
//!
//! A probe should show the health of one container. One that contacts another service restarts or
//! withdraws every Pod when that service is down.

use rollgate_sdk::Handler;
use rollgate_sdk::rules::Problem;

use crate::exec;
use crate::host;
use crate::report::Report;
use crate::rules::Rule;
use crate::view::{Kind, View};

/// Checks the host of every probe.
pub(crate) fn check(view: View<'_>, report: &mut Report<'_>) {
    for (kind, probe) in view.probes() {
        match &probe.handler {
            Handler::HttpGet(get) => {
                check_host(
                    view,
                    ProbeHost {
                        kind,
                        field: "/httpGet/host",
                    },
                    get.host.as_deref(),
                    report,
                );
            }
            Handler::TcpSocket(tcp) => {
                check_host(
                    view,
                    ProbeHost {
                        kind,
                        field: "/tcpSocket/host",
                    },
                    tcp.host.as_deref(),
                    report,
                );
            }
            Handler::Exec(command) => {
                if let Some(target) = exec::foreign_target(command) {
                    let at = ProbeHost {
                        kind,
                        field: "/exec/command",
                    };
                    report.add(rule(kind), || leaves_by_command(view, at, &target));
                }
            }
            _ => {}
        }
    }
}

/// The field with the host of a probe.
#[derive(Clone, Copy)]
struct ProbeHost {
    kind: Kind,
    field: &'static str,
}

/// Returns the rule; it is more severe where the container is killed.
fn rule(kind: Kind) -> Rule {
    match kind {
        Kind::Liveness | Kind::Startup => Rule::LivenessLeavesPod,
        Kind::Readiness => Rule::ReadinessLeavesPod,
    }
}

fn check_host(view: View<'_>, at: ProbeHost, host: Option<&str>, report: &mut Report<'_>) {
    let Some(host) = host.filter(|host| !host.is_empty()) else {
        return;
    };
    let host_network = || {
        view.container
            .workload()
            .pod()
            .is_some_and(|pod| pod.host_network)
    };
    if host::may_be_on_node(host) && host_network() {
        return;
    }
    report.add(rule(at.kind), || leaves_by_host(view, at, host));
}

fn leaves_by_host(view: View<'_>, at: ProbeHost, host: &str) -> Problem {
    let (probe, container) = (at.kind.field(), &view.container.name);
    let message = if host::is_loopback(host) {
        format!(
            "{probe} of `{container}` contacts `{host}`: the kubelet makes the call, so that is the node \
             and not this Pod. It shows nothing about the container."
        )
    } else {
        format!(
            "{probe} of `{container}` contacts `{host}` instead of its Pod. {}",
            consequence(at.kind)
        )
    };
    Problem {
        path: view.path(at.kind, at.field),
        message,
        found: host.to_owned(),
        expected: "no host: the Pod's own address".to_owned(),
        hint: "Remove host; a virtual host goes into httpHeaders as `Host`.".to_owned(),
    }
}

fn leaves_by_command(view: View<'_>, at: ProbeHost, target: &str) -> Problem {
    Problem {
        path: view.path(at.kind, at.field),
        message: format!(
            "{} of `{}` runs a command that contacts `{target}` instead of its Pod. {}",
            at.kind.field(),
            view.container.name,
            consequence(at.kind)
        ),
        found: format!("contacts {target}"),
        expected: "a check of this container alone".to_owned(),
        hint: "Ask localhost, or use httpGet without host; watch the other service with an alert."
            .to_owned(),
    }
}

fn consequence(kind: Kind) -> &'static str {
    match kind {
        Kind::Liveness => "When that is down, every Pod is killed, again and again.",
        Kind::Startup => "While that is down, no Pod can start.",
        Kind::Readiness => "When that is down, every Pod is withdrawn at once.",
    }
}
