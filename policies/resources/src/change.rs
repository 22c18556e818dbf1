//! Requests and limits that one rollout changes by a large factor.

use rollgate_sdk::quantity::Quantity;
use rollgate_sdk::rules::{Problem, Report};
use rollgate_sdk::{Container, Workload, pointer};

use crate::rules::Rule;
use crate::settings::Config;
use crate::size::thousandths;

/// Compares the requests and limits of each container with those of the container of the same name
/// before the change.
pub(crate) fn check(
    new: &Workload,
    old: &Workload,
    config: &Config,
    report: &mut Report<'_, Rule>,
) {
    for container in new.long_running() {
        if !report.applies(Rule::ResourcesChangedMuch, &container.name) {
            continue;
        }
        let Some(before) = old.container(&container.name) else {
            continue;
        };
        for (resource, factor) in &config.max_change {
            let lists = [
                (
                    "requests",
                    before.request(resource),
                    container.request(resource),
                ),
                ("limits", before.limit(resource), container.limit(resource)),
            ];
            for (list, before, after) in lists {
                let change = Change::of(before, after, *factor);
                if let Some(change) = change {
                    report.in_container(&container.name, Rule::ResourcesChangedMuch, || {
                        changed(container, list, resource, change)
                    });
                }
            }
        }
    }
}

/// A change by more than a factor.
#[derive(Clone, Copy)]
struct Change<'a> {
    before: &'a str,
    after: &'a str,
    factor: u32,
    direction: Direction,
}

#[derive(Clone, Copy)]
enum Direction {
    Up,
    Down,
}

impl<'a> Change<'a> {
    /// Returns the change, if both quantities can be compared and differ by more than the factor.
    /// What was or becomes 0 has no factor.
    fn of(before: Option<&'a str>, after: Option<&'a str>, factor: u32) -> Option<Self> {
        let (before, after) = (before?, after?);
        let from: Quantity = before.parse().ok()?;
        let to: Quantity = after.parse().ok()?;
        if from == Quantity::ZERO || to == Quantity::ZERO {
            return None;
        }
        let direction = if to.exceeds(from, factor) {
            Direction::Up
        } else if from.exceeds(to, factor) {
            Direction::Down
        } else {
            return None;
        };
        Some(Self {
            before,
            after,
            factor,
            direction,
        })
    }
}

fn changed(container: Container<'_>, list: &str, resource: &str, change: Change<'_>) -> Problem {
    let Change {
        before,
        after,
        factor,
        direction,
    } = change;
    let (verb, consequence) = match (direction, list, resource) {
        (Direction::Up, "requests", _) => ("raises", "nodes may have no room for the new Pods"),
        (Direction::Up, ..) => ("raises", "the new Pods may take much more from their nodes"),
        (Direction::Down, "limits", "memory") => (
            "lowers",
            "the new Pods may be killed for the memory that the old ones used",
        ),
        (Direction::Down, ..) => ("lowers", "the new Pods may get too little under load"),
    };
    let one = list.trim_end_matches('s');
    let factor = thousandths(factor);
    let path = pointer(["resources", list, resource]);
    Problem {
        path: container.path_to(&path),
        message: [
            "This rollout ",
            verb,
            " the ",
            resource,
            " ",
            one,
            " of `",
            &container.name,
            "` from ",
            before,
            " to ",
            after,
            ", by more than ",
            &factor,
            " times: ",
            consequence,
            ".",
        ]
        .concat(),
        found: [before, " before, now ", after].concat(),
        expected: ["a change by at most ", &factor, " times"].concat(),
        hint:
            "Check the unit (Mi, Gi, m); if it is meant, change it in steps, and watch the first."
                .to_owned(),
    }
}
