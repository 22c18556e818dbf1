//! The steps of Argo Rollouts, and what ends one that is stuck.

use rollgate_sdk::rules::{Problem, Report};
use rollgate_sdk::{Kind, Workload};
use serde_json::Value;

use crate::rules::Rule;

/// Checks an Argo Rollout.
pub(crate) fn check(workload: &Workload, report: &mut Report<'_, Rule>) {
    if workload.kind() != Kind::Rollout {
        return;
    }
    let steps: Option<Vec<Value>> = workload.read("/spec/strategy/canary/steps").ok().flatten();
    let steps = steps.unwrap_or_default();
    let endless = |step: &Value| {
        let pause = step.get("pause");
        pause.is_some_and(|pause| pause.get("duration").is_none_or(Value::is_null))
    };
    if let Some(index) = steps.iter().position(endless) {
        report.add(Rule::PauseWithoutEnd, || pause(index));
    }
    let analysed = steps.iter().any(|step| step.get("analysis").is_some())
        || ["canary/analysis", "blueGreen/prePromotionAnalysis"]
            .iter()
            .any(|at| workload.json(&["/spec/strategy/", at].concat()).is_some());
    let aborts: Option<bool> = workload.read("/spec/progressDeadlineAbort").ok().flatten();
    if !analysed && aborts != Some(true) {
        report.add(Rule::AbortMissing, abort);
    }
}

fn pause(index: usize) -> Problem {
    Problem {
        path: format!("/spec/strategy/canary/steps/{index}/pause"),
        message: "The rollout waits at this step until somebody promotes it: forgotten, two \
                  versions run for days."
            .to_owned(),
        found: "a pause without duration".to_owned(),
        expected: "a duration, or somebody who promotes".to_owned(),
        hint: "Set `pause: {duration: 10m}`, or an analysis that decides.".to_owned(),
    }
}

fn abort() -> Problem {
    Problem {
        path: "/spec/progressDeadlineAbort".to_owned(),
        message: "Nothing ends this rollout if its new Pods do not get ready: after \
                  progressDeadlineSeconds it is reported, and goes on waiting."
            .to_owned(),
        found: "no analysis, and progressDeadlineAbort is not true".to_owned(),
        expected: "`progressDeadlineAbort: true`, or an analysis".to_owned(),
        hint: "Set progressDeadlineAbort to true: the stable version then gets all traffic back."
            .to_owned(),
    }
}
