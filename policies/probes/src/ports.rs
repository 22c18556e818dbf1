//! Ports that a probe uses and its container does not declare.
//!
//! A declared number is documentation only: an undeclared one works. It deserves a warning because
//! a mistyped port looks the same, but not where the container's own command or environment
//! mentions the number. A name that is not declared never works.

use rollgate_sdk::rules::Problem;
use rollgate_sdk::{Container, Handler, IntOrString};

use crate::report::Report;
use crate::rules::Rule;
use crate::view::{Kind, Port, View};

/// Checks the port of every probe.
pub(crate) fn check(view: View<'_>, report: &mut Report<'_>) {
    for (kind, probe) in view.probes() {
        let port_field = |field| ProbePort { kind, field };
        match &probe.handler {
            Handler::HttpGet(get) => {
                let host = get.host.as_deref();
                check_port(view, port_field("/httpGet/port"), host, &get.port, report);
            }
            Handler::TcpSocket(tcp) => {
                let host = tcp.host.as_deref();
                check_port(view, port_field("/tcpSocket/port"), host, &tcp.port, report);
            }
            Handler::Grpc(grpc) => check_number(view, port_field("/grpc/port"), grpc.port, report),
            _ => {}
        }
    }
}

/// The port of a probe, and the field that names it.
#[derive(Clone, Copy)]
struct ProbePort {
    kind: Kind,
    field: &'static str,
}

/// A name must be declared, whatever the host. A number on another host is not a port of the
/// container.
fn check_port(
    view: View<'_>,
    port_field: ProbePort,
    host: Option<&str>,
    port: &IntOrString,
    report: &mut Report<'_>,
) {
    match view.port(port) {
        Port::Unknown(name) => {
            report.add(Rule::PortNameUnknown, || {
                name_unknown(view, port_field, name)
            });
        }
        Port::Number(number) if host.is_none_or(str::is_empty) => {
            check_number(view, port_field, number, report);
        }
        Port::Number(_) => {}
    }
}

fn check_number(view: View<'_>, port_field: ProbePort, number: i32, report: &mut Report<'_>) {
    match declared(view.container, number) {
        Declared::Tcp => {}
        Declared::Otherwise(protocol) => {
            report.add(Rule::PortUndeclared, || {
                not_tcp(view, port_field, number, protocol)
            });
        }
        Declared::Not if is_mentioned(view.container, number) => {}
        Declared::Not => report.add(Rule::PortUndeclared, || {
            undeclared(view, port_field, number)
        }),
    }
}

/// How a container declares a port.
enum Declared<'a> {
    Tcp,
    /// Only for another protocol; all probes of ports use TCP.
    Otherwise(&'a str),
    Not,
}

fn declared(container: Container<'_>, number: i32) -> Declared<'_> {
    let mut found = Declared::Not;
    for port in container
        .record()
        .ports
        .iter()
        .filter(|port| port.container_port == number)
    {
        if port.protocol == "TCP" {
            return Declared::Tcp;
        }
        found = Declared::Otherwise(&port.protocol);
    }
    found
}

/// Whether the container's command or environment mentions the number. The environment costs a host
/// call, so it comes last.
fn is_mentioned(container: Container<'_>, number: i32) -> bool {
    let mentions = |text: &String| mentions(text, number);
    container.command.iter().any(mentions)
        || container.args.iter().any(mentions)
        || container
            .env()
            .iter()
            .any(|variable| variable.value.as_ref().is_some_and(mentions))
}

/// Whether the text has the number, and not only as part of a longer one.
fn mentions(text: &str, number: i32) -> bool {
    text.split(|letter: char| !letter.is_ascii_digit())
        .any(|digits| digits.parse() == Ok(number))
}

fn name_unknown(view: View<'_>, port_field: ProbePort, name: &str) -> Problem {
    let (probe, container) = (port_field.kind.field(), &view.container.name);
    let consequence = match port_field.kind {
        Kind::Readiness => "the container never gets ready",
        Kind::Liveness => "a hang is never noticed",
        Kind::Startup => "the container never counts as started",
    };
    let hint = if name.parse::<u16>().is_ok() {
        "Write the number without quotes: in quotes it is a name."
    } else {
        "Name the port under `ports` of this container (names of other containers do not count), \
         or probe its number."
    };
    Problem {
        path: view.path(port_field.kind, port_field.field),
        message: format!(
            "{probe} of `{container}` uses port `{name}`, a name that the container does not \
             declare: the probe cannot run, and {consequence}."
        ),
        found: name.to_owned(),
        expected: declared_names(view.container),
        hint: hint.to_owned(),
    }
}

fn undeclared(view: View<'_>, port_field: ProbePort, number: i32) -> Problem {
    let (probe, container) = (port_field.kind.field(), &view.container.name);
    let (message, hint) = match owner(view, number) {
        Some(owner) => (
            format!(
                "{probe} of `{container}` uses port {number}, which container `{owner}` declares: \
                 it checks the health of `{owner}` instead of `{container}`."
            ),
            format!("Move the probe to `{owner}`, or probe a port of `{container}`."),
        ),
        None => (
            format!(
                "{probe} of `{container}` uses port {number}, which the container neither declares \
                 nor mentions in its command or environment: if nothing listens there, it {}.",
                consequence(port_field.kind)
            ),
            format!("Correct the number, or declare {number} under `ports`."),
        ),
    };
    Problem {
        path: view.path(port_field.kind, port_field.field),
        message,
        found: number.to_string(),
        expected: declared_numbers(view.container),
        hint,
    }
}

fn not_tcp(view: View<'_>, port_field: ProbePort, number: i32, protocol: &str) -> Problem {
    let (probe, container) = (port_field.kind.field(), &view.container.name);
    Problem {
        path: view.path(port_field.kind, port_field.field),
        message: format!(
            "{probe} of `{container}` uses port {number}, which the container declares for \
             {protocol}, and the probe speaks TCP: if nothing listens there, it {}.",
            consequence(port_field.kind)
        ),
        found: format!("{number}/{protocol}"),
        expected: "a port with protocol TCP".to_owned(),
        hint: format!("Probe a TCP port, or declare {number} for TCP as well if it answers both."),
    }
}

/// Returns what happens to a container whose probe never succeeds.
fn consequence(kind: Kind) -> &'static str {
    match kind {
        Kind::Readiness => "never gets ready",
        Kind::Liveness | Kind::Startup => "is killed again and again",
    }
}

/// Returns the other container that declares the port. A Pod has few containers; searching more is
/// not worth the time.
fn owner<'a>(view: View<'a>, number: i32) -> Option<&'a str> {
    view.container
        .workload()
        .containers()
        .take(64)
        .find(|other| other.index != view.container.index && other.port_numbered(number).is_some())
        .map(|other| other.record().name.as_str())
}

/// The number of declared ports that a message lists.
const LISTED: usize = 8;

fn declared_names(container: Container<'_>) -> String {
    let names: Vec<&str> = container
        .ports
        .iter()
        .filter_map(|port| port.name.as_deref())
        .take(LISTED)
        .collect();
    listed(&names, "a port with a name; none is declared")
}

fn declared_numbers(container: Container<'_>) -> String {
    let numbers: Vec<String> = container
        .ports
        .iter()
        .take(LISTED)
        .map(|port| port.container_port.to_string())
        .collect();
    let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
    listed(&numbers, "a declared port; none is declared")
}

fn listed(ports: &[&str], none: &str) -> String {
    if ports.is_empty() {
        none.to_owned()
    } else {
        ports.join(" or ")
    }
}
