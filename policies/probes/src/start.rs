//! The time that a container may take to start, compared with its probes and deadlines.

use rollgate_sdk::Probe;
use rollgate_sdk::rules::Problem;

use crate::pace::Pace;
use crate::report::Report;
use crate::rules::Rule;
use crate::view::{Kind, View};

/// Checks the start of a container.
pub(crate) fn check(view: View<'_>, report: &mut Report<'_>) {
    let pace = |probe: &Option<Probe>| probe.as_ref().map(Pace::of);
    let start = Start {
        readiness: pace(&view.container.readiness_probe),
        liveness: pace(&view.container.liveness_probe),
        startup: pace(&view.container.startup_probe),
    };
    if start.startup.is_none() {
        initial_delay(view, start, report);
        killed_before_ready(view, start, report);
    }
    progress_deadline(view, start, report);
}

/// The probes that affect a container's start.
#[derive(Clone, Copy)]
struct Start {
    readiness: Option<Pace>,
    liveness: Option<Pace>,
    startup: Option<Pace>,
}

impl Start {
    /// Returns the seconds from the container's start until it can be ready. Readiness is not
    /// probed before the startup probe has succeeded, and its own delay also counts from the start.
    fn earliest_ready(self) -> i64 {
        let earliest = |probe: Option<Pace>| probe.map_or(0, Pace::earliest_success_of_start);
        earliest(self.startup).max(earliest(self.readiness))
    }
}

fn initial_delay(view: View<'_>, start: Start, report: &mut Report<'_>) {
    let limit = i64::from(report.settings.limits.initial_delay_seconds);
    for (kind, pace) in [
        (Kind::Liveness, start.liveness),
        (Kind::Readiness, start.readiness),
    ] {
        if let Some(pace) = pace.filter(|pace| pace.delay > limit) {
            report.add(Rule::InitialDelayLong, || {
                long_delay(view, kind, pace, limit)
            });
        }
    }
}

fn long_delay(view: View<'_>, kind: Kind, pace: Pace, limit: i64) -> Problem {
    let (field, container, delay) = (kind.field(), &view.container.name, pace.delay);
    let why = match kind {
        Kind::Liveness => {
            "a hang is not noticed meanwhile, and a start that takes longer is killed"
        }
        Kind::Readiness | Kind::Startup => {
            "a container that could serve after five makes each rollout and scale-up wait"
        }
    };
    Problem {
        path: view.path(kind, "/initialDelaySeconds"),
        message: format!("{field} of `{container}` waits {delay} s at every start: {why}."),
        found: format!("initialDelaySeconds {delay}, no startupProbe"),
        expected: format!("a startupProbe, or initialDelaySeconds of {limit} at most"),
        hint: format!(
            "Add a startupProbe with the same check, periodSeconds 5 and failureThreshold {} \
             (twice the time), and remove initialDelaySeconds.",
            (2 * delay + 4) / 5
        ),
    }
}

/// A startup probe suspends liveness until the container has started. Without one, liveness is
/// probed from the start, beside readiness.
fn killed_before_ready(view: View<'_>, start: Start, report: &mut Report<'_>) {
    let (Some(liveness), Some(_)) = (start.liveness, start.readiness) else {
        return;
    };
    let (kill, ready) = (liveness.earliest_failure_of_start(), start.earliest_ready());
    if kill <= ready {
        report.add(Rule::LivenessKillsBeforeReady, || {
            kills_before_ready(view, kill, ready)
        });
    }
}

fn kills_before_ready(view: View<'_>, kill: i64, ready: i64) -> Problem {
    let container = &view.container.name;
    let message = if kill == 0 {
        format!(
            "Liveness kills `{container}` at the first probe that fails, perhaps right after its \
             start: a process that does not answer at once never gets ready."
        )
    } else {
        format!(
            "Liveness may kill `{container}` {kill} s after its start, and readiness does not count \
             on it before {ready} s: a start that takes as long as you allow for never ends."
        )
    };
    Problem {
        path: view.path(Kind::Liveness, ""),
        message,
        found: format!("may be killed {kill} s after its start"),
        expected: format!("later than {ready} s, or a startupProbe"),
        hint: "Add a startupProbe: liveness stays silent until it has succeeded.".to_owned(),
    }
}

/// Each Pod that gets ready counts as progress and restarts the deadline, so the deadline must
/// cover the start of one Pod. `minReadySeconds` comes after that.
fn progress_deadline(view: View<'_>, start: Start, report: &mut Report<'_>) {
    let earliest = start.earliest_ready();
    let allowed = start.startup.map_or(0, Pace::allowed_start);
    if earliest.max(allowed) == 0 {
        return;
    }
    let Some(deadline) = view
        .container
        .workload()
        .progress_deadline_seconds()
        .map(i64::from)
    else {
        return;
    };
    if earliest >= deadline {
        report.add(Rule::ProgressDeadlineUnreachable, || {
            unreachable(view, earliest, deadline)
        });
    } else if allowed > deadline {
        report.add(Rule::ProgressDeadlineShort, || {
            short(view, allowed, deadline)
        });
    }
}

fn unreachable(view: View<'_>, earliest: i64, deadline: i64) -> Problem {
    Problem {
        path: "/spec/progressDeadlineSeconds".to_owned(),
        message: format!(
            "`{}` cannot be ready before {earliest} s after its start, and the rollout counts as \
             failed after {deadline} s without progress: it fails with nothing wrong but numbers.",
            view.container.name
        ),
        found: format!("progressDeadlineSeconds {deadline}, ready after {earliest} s"),
        expected: format!("progressDeadlineSeconds above {earliest}"),
        hint: "Lower initialDelaySeconds of the probes, or raise progressDeadlineSeconds well \
               above it: image pull and scheduling count, too."
            .to_owned(),
    }
}

fn short(view: View<'_>, allowed: i64, deadline: i64) -> Problem {
    Problem {
        path: view.path(Kind::Startup, ""),
        message: format!(
            "The startupProbe of `{}` allows {allowed} s, and the rollout counts as failed after \
             {deadline} s without progress: a slow start that goes well is reported as a failure.",
            view.container.name
        ),
        found: format!("{allowed} s for a start, progressDeadlineSeconds {deadline}"),
        expected: format!("{deadline} s or less for a start"),
        hint: "Raise progressDeadlineSeconds above the time for a start, or lower the \
               startupProbe's failureThreshold."
            .to_owned(),
    }
}
