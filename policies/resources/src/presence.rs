//! Missing requests and limits.

use rollgate_sdk::quantity::Quantity;
use rollgate_sdk::rules::{Problem, Report};
use rollgate_sdk::{Container, Workload, pointer};

use crate::rules::Rule;
use crate::settings::Config;

/// Checks for missing requests and a missing memory limit.
pub(crate) fn check(container: Container<'_>, config: &Config, report: &mut Report<'_, Rule>) {
    for resource in &config.requests {
        // Without a request, the API server takes the limit of the same container.
        let requested = is_some(container.request(resource).or(container.limit(resource)));
        if !requested && !of_pod(container.workload(), REQUESTS, resource) {
            report.in_container(&container.name, Rule::RequestsMissing, || {
                request_missing(container, resource)
            });
        }
    }
    let limited = container.limit("memory").is_some();
    if !limited && !of_pod(container.workload(), LIMITS, "memory") {
        report.in_container(&container.name, Rule::MemoryLimitMissing, || {
            limit_missing(container)
        });
    }
}

/// Whether something is requested. `0` is as good as nothing.
fn is_some(quantity: Option<&str>) -> bool {
    quantity.is_some_and(|text| text.parse() != Ok(Quantity::ZERO))
}

/// What can stand for a request of the Pod as a whole: without one, the API server takes the limit.
const REQUESTS: &[&str] = &["requests", "limits"];
const LIMITS: &[&str] = &["limits"];

/// Whether the Pod as a whole has the resource in one of these lists; its containers then share it.
fn of_pod(workload: &Workload, lists: &[&str], resource: &str) -> bool {
    lists.iter().any(|list| {
        let path = pointer(["spec", "template", "spec", "resources", list, resource]);
        workload.json(&path).is_some()
    })
}

fn request_missing(container: Container<'_>, resource: &str) -> Problem {
    let consequence = match resource {
        "memory" => {
            "the scheduler puts it on a node that may be full, and when the node runs out of memory, it is the first to be killed"
        }
        "cpu" => {
            "the scheduler puts it on a node that may be busy, where it gets the least CPU of all"
        }
        _ => "the scheduler puts it on a node that may not have any",
    };
    Problem {
        path: container.path_to(&pointer(["resources", "requests", resource])),
        message: [
            "Container `",
            &container.name,
            "` requests no ",
            resource,
            ": ",
            consequence,
            ".",
        ]
        .concat(),
        found: ["no request of ", resource].concat(),
        expected: ["a request of ", resource].concat(),
        hint: "Set it to what the container uses under its usual load.".to_owned(),
    }
}

fn limit_missing(container: Container<'_>) -> Problem {
    Problem {
        path: container.path_to("resources/limits/memory"),
        message: [
            "Container `",
            &container.name,
            "` has no memory limit: if it leaks, it takes the memory of its node, and other Pods \
             are killed with it.",
        ]
        .concat(),
        found: "no memory limit".to_owned(),
        expected: "a memory limit".to_owned(),
        hint: "Set resources.limits.memory to what the container needs at its peak. (A CPU limit \
               is not needed.)"
            .to_owned(),
    }
}
