//! The period of a probe, and its cost.

use rollgate_sdk::rules::Problem;
use rollgate_sdk::{Handler, Probe};

use crate::exec;
use crate::pace::Pace;
use crate::report::Report;
use crate::rules::Rule;
use crate::settings::Limits;
use crate::view::{Kind, View};

/// Checks the period of every probe.
pub(crate) fn check(view: View<'_>, report: &mut Report<'_>) {
    let limits = &report.settings.limits;
    for (kind, probe) in view.probes() {
        let pace = Pace::of(probe);
        if pace.timeout >= pace.period {
            report.add(Rule::TimeoutNotBelowPeriod, || timeout(view, kind, pace));
        }
        // A startup probe runs often on purpose, and only until it succeeds.
        if kind != Kind::Startup
            && let Some(cost) = too_often(probe, pace, limits)
        {
            report.add(Rule::ExecTooOften, || too_costly(view, kind, pace, &cost));
        }
    }
}

fn timeout(view: View<'_>, kind: Kind, pace: Pace) -> Problem {
    let Pace {
        timeout,
        period,
        failures,
        ..
    } = pace;
    let (slow, meant) = (timeout * failures, pace.latest_failure());
    let why = if slow > meant {
        format!("a container that hangs is noticed after {slow} s, not after {meant} s")
    } else {
        "a container that is already slow is probed again without a pause".to_owned()
    };
    Problem {
        path: view.path(kind, "/timeoutSeconds"),
        message: format!(
            "{} of `{}` may take {timeout} s, every {period} s and never two at once: {why}.",
            kind.field(),
            view.container.name
        ),
        found: format!("timeoutSeconds {timeout}, periodSeconds {period}"),
        expected: "timeoutSeconds below periodSeconds".to_owned(),
        hint: format!(
            "Raise periodSeconds above {timeout}{}.",
            if period > 1 {
                ", or lower timeoutSeconds"
            } else {
                ""
            }
        ),
    }
}

/// A command that runs too often, and the shortest period that its cost allows.
struct Cost {
    program: String,
    at_least: u32,
}

fn too_often(probe: &Probe, pace: Pace, limits: &Limits) -> Option<Cost> {
    let Handler::Exec(command) = &probe.handler else {
        return None;
    };
    let below = |limit: u32| pace.period < i64::from(limit);
    if below(limits.heavy_exec_period_seconds)
        && let Some(program) = exec::heavy_program(command, &limits.heavy_commands)
    {
        return Some(Cost {
            program,
            at_least: limits.heavy_exec_period_seconds,
        });
    }
    let program = || command.first().cloned().unwrap_or_default();
    below(limits.exec_period_seconds).then(|| Cost {
        program: program(),
        at_least: limits.exec_period_seconds,
    })
}

fn too_costly(view: View<'_>, kind: Kind, pace: Pace, cost: &Cost) -> Problem {
    let Cost { program, at_least } = cost;
    let period = pace.period;
    Problem {
        path: view.path(kind, "/periodSeconds"),
        message: format!(
            "{} of `{}` starts `{program}` every {period} s, a new process each time on the \
             container's own CPU: under load the probe is the first to time out.",
            kind.field(),
            view.container.name
        ),
        found: format!("periodSeconds {period}"),
        expected: format!("{at_least} or more"),
        hint: format!(
            "Set periodSeconds to {at_least} or more, or let the process answer itself with \
             httpGet, tcpSocket or grpc."
        ),
    }
}
