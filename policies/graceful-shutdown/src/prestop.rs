//! Missing preStop hooks of containers that a Service sends traffic to.

use rollgate_sdk::neighbours::{Neighbours, Seen, Service};
use rollgate_sdk::rules::{Problem, Report};
use rollgate_sdk::{Container, Failure, IntOrString, Role, Workload};

use crate::rules::Rule;

/// Checks that each container with a port that a Service sends traffic to has a preStop hook.
///
/// # Errors
/// The Services could not be read.
pub(crate) fn check(
    workload: &Workload,
    neighbours: &Neighbours,
    report: &mut Report<'_, Rule>,
) -> Result<(), Failure> {
    let lacks_hook = |container: Container<'_>| container.record().lifecycle.pre_stop.is_none();
    let mut mains = workload
        .containers()
        .filter(|container| container.role() == Role::Main);
    // Without such a container, no Service has to be read.
    if !mains.any(|container| {
        lacks_hook(container) && report.applies(Rule::PrestopMissing, &container.name)
    }) {
        return Ok(());
    }
    let Seen::Yes(services) = neighbours.services(workload)? else {
        return Ok(());
    };
    let Some(service) = services.first() else {
        return Ok(());
    };
    let mains = || {
        workload
            .containers()
            .filter(|container| container.role() == Role::Main)
    };
    let mut receivers: Vec<Container<'_>> = mains()
        .filter(|container| receives(*container, &services))
        .collect();
    // Declared ports are only documentation. With one container, it is clear who gets the traffic.
    if receivers.is_empty() && mains().count() == 1 {
        receivers.extend(mains());
    }
    for container in receivers {
        if lacks_hook(container) {
            report.in_container(&container.name, Rule::PrestopMissing, || {
                missing(container, service)
            });
        }
    }
    Ok(())
}

/// Whether a Service sends traffic to a declared port of this container.
fn receives(container: Container<'_>, services: &[&Service]) -> bool {
    let mut ports = services.iter().flat_map(|service| &service.ports);
    ports.any(|port| match &port.target_port {
        IntOrString::Int(number) => container.port_numbered(*number).is_some(),
        IntOrString::Text(name) => container.port_named(name).is_some(),
    })
}

fn missing(container: Container<'_>, service: &Service) -> Problem {
    Problem {
        path: container.path_to("lifecycle/preStop"),
        message: [
            "Service `",
            &service.name,
            "` sends traffic to `",
            &container.name,
            "`, which has no preStop: nodes need some seconds to forget a Pod that stops, and the \
             requests that they send to it meanwhile fail.",
        ]
        .concat(),
        found: "no preStop".to_owned(),
        expected: "a preStop that waits some seconds".to_owned(),
        hint:
            "Add lifecycle: {preStop: {sleep: {seconds: 10}}}, which needs no shell in the image; \
               or exempt the container if its program goes on answering for some seconds after \
               SIGTERM."
                .to_owned(),
    }
}
