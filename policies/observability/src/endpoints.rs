//! The endpoints that probes ask.

use rollgate_sdk::rules::{Problem, Report};
use rollgate_sdk::{Container, Handler, HttpGet, Probe};

use crate::rules::Rule;
use crate::settings::Settings;

/// Checks that probes ask endpoints of their own.
pub(crate) fn check(container: Container<'_>, settings: &Settings, report: &mut Report<'_, Rule>) {
    let record = container.record();
    let probes = [
        ("readinessProbe", &record.readiness_probe),
        ("livenessProbe", &record.liveness_probe),
        ("startupProbe", &record.startup_probe),
    ];
    // What only exports metrics is checked by nothing better.
    let exports = is_exporter(container, settings);
    for (field, probe) in probes {
        if let Some(get) = http_get(probe)
            && !exports
            && settings.info_paths.iter().any(|path| path == endpoint(get))
        {
            report.in_container(&container.name, Rule::ProbeOfInfoEndpoint, || {
                info(container, field, endpoint(get))
            });
        }
    }
    if let (Some(readiness), Some(liveness)) = (
        http_get(&record.readiness_probe),
        http_get(&record.liveness_probe),
    ) && endpoint(readiness) == endpoint(liveness)
        && container.port_number(&readiness.port) == container.port_number(&liveness.port)
    {
        report.in_container(&container.name, Rule::EndpointsNotDistinct, || {
            not_distinct(container, endpoint(readiness))
        });
    }
}

/// Whether all ports of the container are for its metrics.
fn is_exporter(container: Container<'_>, settings: &Settings) -> bool {
    let mut ports = container.ports.iter().map(|port| port.name.as_deref());
    !container.ports.is_empty()
        && ports.all(|name| name.is_some_and(|name| settings.is_metrics_port(name)))
}

fn http_get(probe: &Option<Probe>) -> Option<&HttpGet> {
    match &probe.as_ref()?.handler {
        Handler::HttpGet(get) => Some(get),
        _ => None,
    }
}

/// Returns the path without a query and without a `/` at its end.
fn endpoint(get: &HttpGet) -> &str {
    let path = get.path.split(['?', '#']).next().unwrap_or_default();
    match path.strip_suffix('/') {
        Some(path) if !path.is_empty() => path,
        _ => path,
    }
}

fn info(container: Container<'_>, probe: &str, endpoint: &str) -> Problem {
    Problem {
        path: container.path_to(&[probe, "/httpGet/path"].concat()),
        message: [
            probe,
            " of `",
            &container.name,
            "` asks ",
            endpoint,
            ", which tells metrics or information: it answers although the container cannot work, \
             and may be slow when there is much to tell.",
        ]
        .concat(),
        found: endpoint.to_owned(),
        expected: "an endpoint that checks health".to_owned(),
        hint: "Give the probe an endpoint of its own, such as /ready or /alive; or change \
               `infoPaths` if this one is."
            .to_owned(),
    }
}

fn not_distinct(container: Container<'_>, endpoint: &str) -> Problem {
    Problem {
        path: container.path_to("livenessProbe/httpGet/path"),
        message: [
            "Readiness and liveness of `",
            &container.name,
            "` ask the same endpoint, ",
            endpoint,
            ": monitoring cannot tell a container that cannot work for a while from one that has \
             to be restarted.",
        ]
        .concat(),
        found: endpoint.to_owned(),
        expected: "an endpoint for each".to_owned(),
        hint: "Let liveness ask an endpoint that depends on nothing but the process.".to_owned(),
    }
}
