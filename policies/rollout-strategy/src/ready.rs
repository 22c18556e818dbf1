//! `minReadySeconds`, compared with the readiness probes.

use rollgate_sdk::Workload;
use rollgate_sdk::rules::{Problem, Report};

use crate::rules::Rule;

const PATH: &str = "/spec/minReadySeconds";

/// Checks how long a Pod must be ready before the rollout goes on.
pub(crate) fn check(workload: &Workload, report: &mut Report<'_, Rule>) {
    let Some(noticed) = noticed_after(workload) else {
        return;
    };
    let seconds = i64::from(workload.min_ready_seconds());
    if seconds == 0 {
        report.add(Rule::MinReadyMissing, || Problem {
            path: PATH.to_owned(),
            message: "A Pod that is ready once counts as available: a version that crashes a \
                      moment later replaces all Pods."
                .to_owned(),
            found: "minReadySeconds 0".to_owned(),
            expected: format!("more than {noticed}"),
            hint: format!(
                "Set minReadySeconds above {noticed}, after which an unready Pod is noticed."
            ),
        });
    } else if seconds < noticed {
        report.add(Rule::MinReadyShort, || Problem {
            path: PATH.to_owned(),
            message: format!(
                "A Pod counts as available after {seconds} s, and its readiness probe notices only \
                 after up to {noticed} s that it fails."
            ),
            found: format!("minReadySeconds {seconds}"),
            expected: format!("{noticed} or more"),
            hint: "Raise minReadySeconds, or lower periodSeconds or failureThreshold.".to_owned(),
        });
    }
}

/// Returns the seconds in which the slowest readiness probe notices a failure; `None` without such a
/// probe.
fn noticed_after(workload: &Workload) -> Option<i64> {
    let seconds = |period: i32, times: i32| i64::from(period.max(1)) * i64::from(times.max(1));
    let noticed = workload.long_running().filter_map(|container| {
        let probe = container.readiness_probe.as_ref()?;
        Some(seconds(probe.period_seconds, probe.failure_threshold))
    });
    noticed.max()
}
