//! Limits that are too small, or too far from the request.

use rollgate_sdk::quantity::Quantity;
use rollgate_sdk::rules::{Problem, Report};
use rollgate_sdk::{Container, pointer};

use crate::rules::Rule;
use crate::settings::Config;

/// Below this, a container is killed before its process runs, in bytes: starting it alone takes
/// more. (Some runtimes refuse less than 6 or 12 MiB.)
const LEAST_MEMORY: u32 = 4 * 1024 * 1024;

/// Checks the sizes of limits.
pub(crate) fn check(container: Container<'_>, config: &Config, report: &mut Report<'_, Rule>) {
    if let Some(text) = container.limit("memory")
        && let Ok(limit) = text.parse::<Quantity>()
        && limit < Quantity::from_units(LEAST_MEMORY)
        && limit != Quantity::ZERO
    {
        report.in_container(&container.name, Rule::MemoryLimitTooSmall, || {
            too_small(container, text)
        });
    }
    for (resource, factor) in &config.max_limit_to_request {
        let (Some(request), Some(limit)) = (container.request(resource), container.limit(resource))
        else {
            continue;
        };
        let (Ok(least), Ok(most)) = (request.parse::<Quantity>(), limit.parse::<Quantity>()) else {
            continue;
        };
        // A request of 0 is a missing one.
        if least != Quantity::ZERO && most.exceeds(least, *factor) {
            report.in_container(&container.name, Rule::LimitFarAboveRequest, || {
                far_above(container, resource, request, limit, *factor)
            });
        }
    }
}

fn too_small(container: Container<'_>, limit: &str) -> Problem {
    let hint = if limit.ends_with('m') {
        "`m` means thousandths of a byte; for megabytes write `Mi` or `M`."
    } else {
        "Give it a suffix, such as Mi; without one it is a number of bytes."
    };
    Problem {
        path: container.path_to("resources/limits/memory"),
        message: [
            "The memory limit of `",
            &container.name,
            "` is ",
            limit,
            ": no process starts with so little, so that no new Pod gets ready.",
        ]
        .concat(),
        found: limit.to_owned(),
        expected: "4Mi or more".to_owned(),
        hint: hint.to_owned(),
    }
}

fn far_above(
    container: Container<'_>,
    resource: &str,
    request: &str,
    limit: &str,
    factor: u32,
) -> Problem {
    let factor = thousandths(factor);
    let consequence = match resource {
        "memory" => {
            "nodes are filled by requests, and run out of memory when several containers use what their limits allow"
        }
        _ => {
            "nodes are filled by requests, and have no more to give when several containers use what their limits allow"
        }
    };
    Problem {
        path: container.path_to(&pointer(["resources", "limits", resource])),
        message: [
            "The ",
            resource,
            " limit of `",
            &container.name,
            "` (",
            limit,
            ") is more than ",
            &factor,
            " times its request (",
            request,
            "): ",
            consequence,
            ".",
        ]
        .concat(),
        found: [limit, ", with a request of ", request].concat(),
        expected: ["at most ", &factor, " times the request"].concat(),
        hint: "Request what the container uses under its usual load, and bring the limit closer."
            .to_owned(),
    }
}

/// Writes a factor that is given in thousandths: `4`, `1.5`.
pub(crate) fn thousandths(factor: u32) -> String {
    let (whole, rest) = (factor / 1000, factor % 1000);
    if rest == 0 {
        return whole.to_string();
    }
    let text = format!("{whole}.{rest:03}");
    text.trim_end_matches('0').to_owned()
}
