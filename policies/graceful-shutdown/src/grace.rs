//! The time that a Pod has to stop, compared with what it needs.

use rollgate_sdk::rules::{Problem, Report};
use rollgate_sdk::{Container, Kind, Pod, Workload};

use crate::rules::Rule;
use crate::settings::Settings;
use crate::sleep;

/// Checks the grace period against the preStop hooks and the drain time. The hooks of a Pod run at
/// the same time, and SIGTERM follows each; the grace period counts from the start of the hooks.
pub(crate) fn check(
    workload: &Workload,
    pod: &Pod,
    settings: &Settings,
    report: &mut Report<'_, Rule>,
) {
    let grace = u64::try_from(pod.termination_grace_period_seconds).unwrap_or(0);
    let path = workload.pod_path("terminationGracePeriodSeconds");
    if grace == 0 {
        // Agents of a node, which are replaced at once on purpose, so that the node is not without.
        if workload.kind() != Kind::DaemonSet {
            report.add(Rule::GraceZero, || zero(path));
        }
        return;
    }
    let drain = u64::from(settings.drain_seconds);
    for container in workload.long_running() {
        let hook = container.record().lifecycle.pre_stop.as_ref();
        let sleep = hook.and_then(sleep::seconds).unwrap_or(0);
        let times = Times {
            grace,
            sleep,
            drain,
        };
        if sleep >= grace {
            report.in_container(&container.name, Rule::PrestopOutlivesGrace, || {
                outlives(container, times)
            });
        } else if sleep.saturating_add(drain) > grace {
            report.in_container(&container.name, Rule::GraceTooShort, || {
                too_short(&path, container, times)
            });
        }
        readiness(container, grace, report);
    }
}

/// Seconds.
#[derive(Clone, Copy)]
struct Times {
    grace: u64,
    sleep: u64,
    drain: u64,
}

fn readiness(container: Container<'_>, grace: u64, report: &mut Report<'_, Rule>) {
    let Some(probe) = &container.record().readiness_probe else {
        return;
    };
    let period = u64::from(probe.period_seconds.max(1).unsigned_abs());
    let failures = u64::from(probe.failure_threshold.max(1).unsigned_abs());
    // The first probe after the Pod began to stop comes within a period.
    let earliest = period * (failures - 1);
    if earliest >= grace {
        report.in_container(&container.name, Rule::ReadinessOutlivesGrace, || {
            never_unready(container, earliest, grace)
        });
    }
}

fn zero(path: String) -> Problem {
    Problem {
        path,
        message: "The Pods are killed at once, without SIGTERM and without preStop: each rollout \
                  and each drained node cuts off the requests that they are answering."
            .to_owned(),
        found: "terminationGracePeriodSeconds 0".to_owned(),
        expected: "enough time to stop, such as 30".to_owned(),
        hint: "Leave terminationGracePeriodSeconds out (30 s), or set it to the longest time that \
               a request may take, and more."
            .to_owned(),
    }
}

fn outlives(container: Container<'_>, times: Times) -> Problem {
    let (sleep, grace) = (times.sleep.to_string(), times.grace.to_string());
    Problem {
        path: container.path_to("lifecycle/preStop"),
        message: [
            "preStop of `",
            &container.name,
            "` waits ",
            &sleep,
            " s, and the Pod is killed ",
            &grace,
            " s after it has begun: the program gets no time to stop, and the requests that it is \
             answering are cut off.",
        ]
        .concat(),
        found: ["preStop ", &sleep, " s, grace period ", &grace, " s"].concat(),
        expected: "a preStop that ends well before the grace period".to_owned(),
        hint: [
            "Raise terminationGracePeriodSeconds to ",
            &(times.sleep + times.drain.max(1)).to_string(),
            " or more, or wait for a shorter time.",
        ]
        .concat(),
    }
}

fn too_short(path: &str, container: Container<'_>, times: Times) -> Problem {
    let Times {
        grace,
        sleep,
        drain,
    } = times;
    let (grace, drain) = (grace.to_string(), drain.to_string());
    let needs = (sleep + times.drain).to_string();
    let before = match sleep {
        0 => String::new(),
        sleep => ["after the ", &sleep.to_string(), " s of its preStop, "].concat(),
    };
    Problem {
        path: path.to_owned(),
        message: [
            "Container `",
            &container.name,
            "` needs ",
            &drain,
            " s to finish its requests, ",
            &before,
            "and its Pod is killed after ",
            &grace,
            " s: the requests that take longest are cut off.",
        ]
        .concat(),
        found: ["terminationGracePeriodSeconds ", &grace].concat(),
        expected: [&needs, " or more"].concat(),
        hint: [
            "Raise terminationGracePeriodSeconds to ",
            &needs,
            "; or set `drainSeconds` to what this platform needs.",
        ]
        .concat(),
    }
}

fn never_unready(container: Container<'_>, earliest: u64, grace: u64) -> Problem {
    let (earliest, grace) = (earliest.to_string(), grace.to_string());
    Problem {
        path: container.path_to("readinessProbe"),
        message: [
            "readinessProbe of `",
            &container.name,
            "` fails ",
            &earliest,
            " s after the container began to stop at the earliest, and the Pod is killed after ",
            &grace,
            " s: load balancers that look at readiness send requests to the end.",
        ]
        .concat(),
        found: [&earliest, " s until unready"].concat(),
        expected: ["less than ", &grace, " s"].concat(),
        hint: "Lower periodSeconds or failureThreshold, or raise terminationGracePeriodSeconds. \
               (Services forget a Pod that stops by themselves.)"
            .to_owned(),
    }
}
