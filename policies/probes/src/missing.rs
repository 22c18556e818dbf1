//! Missing probes.

use rollgate_sdk::rules::Problem;
use rollgate_sdk::{Container, Workload};

use crate::report::Report;
use crate::rules::Rule;
use crate::view::{Kind, View};

/// What the Pods of a workload do, as far as their template tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// A container declares a port: clients wait for answers.
    Serves,
    /// None does.
    OnItsOwn,
}

impl Work {
    pub(crate) fn of(workload: &Workload) -> Self {
        let serves = |container: Container<'_>| !container.ports.is_empty();
        if workload.long_running().any(serves) {
            Self::Serves
        } else {
            Self::OnItsOwn
        }
    }
}

/// Checks for a missing readiness and a missing liveness probe.
pub(crate) fn check(view: View<'_>, work: Work, report: &mut Report<'_>) {
    let container = view.container;
    match (&container.readiness_probe, &container.startup_probe) {
        (Some(_), _) => {}
        // The kubelet keeps a container unready until its startup probe has succeeded.
        (None, Some(_)) => report.add(Rule::ReadinessOnlyAtStart, || only_at_start(view)),
        (None, None) => match work {
            Work::Serves => report.add(Rule::ReadinessMissing, || readiness(view)),
            Work::OnItsOwn => report.add(Rule::WorkerReadinessMissing, || of_worker(view)),
        },
    }
    if view.container.liveness_probe.is_none() {
        report.add(Rule::LivenessMissing, || liveness(view));
    }
}

fn readiness(view: View<'_>) -> Problem {
    Problem {
        path: view.path(Kind::Readiness, ""),
        message: format!(
            "Container `{}` has no readinessProbe: it gets traffic before it can answer, and a \
             rollout of a broken version goes on until no good Pod is left.",
            view.container.name
        ),
        found: "no readinessProbe".to_owned(),
        expected: "a readinessProbe".to_owned(),
        hint: "Add a readinessProbe that succeeds only when the container can do its work."
            .to_owned(),
    }
}

fn of_worker(view: View<'_>) -> Problem {
    Problem {
        message: format!(
            "Container `{}` has no readinessProbe: a rollout of a broken version goes on until no \
             good Pod is left.",
            view.container.name
        ),
        hint: "Add a readinessProbe that succeeds only when the container can do its work; or set \
               `worker-readiness-missing: ignore` where it can as soon as it runs."
            .to_owned(),
        ..readiness(view)
    }
}

fn only_at_start(view: View<'_>) -> Problem {
    Problem {
        path: view.path(Kind::Readiness, ""),
        message: format!(
            "Container `{}` has a startupProbe and no readinessProbe: it gets ready when it has \
             started and stays so. When it can no longer do its work, its Pod still gets traffic.",
            view.container.name
        ),
        found: "a startupProbe, no readinessProbe".to_owned(),
        expected: "a readinessProbe beside the startupProbe".to_owned(),
        hint: "Add a readinessProbe that succeeds only when the container can do its work."
            .to_owned(),
    }
}

fn liveness(view: View<'_>) -> Problem {
    Problem {
        path: view.path(Kind::Liveness, ""),
        message: format!(
            "Container `{}` has no livenessProbe: if its process hangs without exiting, it stays \
             so until a person restarts it.",
            view.container.name
        ),
        found: "no livenessProbe".to_owned(),
        expected: "a livenessProbe".to_owned(),
        hint: "Add a livenessProbe that asks nothing but the process itself, never what it \
               depends on; or set `liveness-missing: ignore` where a crash is the only way it fails."
            .to_owned(),
    }
}
