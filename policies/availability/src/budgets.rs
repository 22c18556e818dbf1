//! PodDisruptionBudgets: whether one selects the Pods, and what it allows at their number.

use rollgate_sdk::neighbours::{Budget, Neighbours, Seen};
use rollgate_sdk::rules::{Problem, Report};
use rollgate_sdk::scale::Replicas;
use rollgate_sdk::{Failure, IntOrString, Workload};

use crate::rules::Rule;

/// Checks the budgets of a workload.
pub(crate) fn check(
    workload: &Workload,
    replicas: &Replicas,
    neighbours: &Neighbours,
    report: &mut Report<'_, Rule>,
) -> Result<(), Failure> {
    let number = replicas.fewest;
    let Seen::Yes(budgets) = neighbours.budgets(workload)? else {
        return Ok(());
    };
    match budgets.as_slice() {
        [] if number >= 2 => {
            let services = neighbours.services(workload)?.yes();
            if let Some(service) = services.iter().flatten().next() {
                report.add(Rule::BudgetMissing, || missing(&service.name, number));
            }
        }
        [] => {}
        [budget] => {
            allowed(budget, number, report);
            broken_pods(budget, report);
        }
        [one, other, ..] => report.add(Rule::BudgetsOverlap, || overlap(one, other)),
    }
    Ok(())
}

fn missing(service: &str, number: i32) -> Problem {
    Problem {
        path: String::new(),
        message: format!(
            "No PodDisruptionBudget selects these Pods: an upgrade of the nodes may evict all \
             {number} at once, and the Service `{service}` has nobody to answer."
        ),
        found: "no PodDisruptionBudget whose selector matches the labels of the Pod template"
            .to_owned(),
        expected: "one".to_owned(),
        hint: "Add a PodDisruptionBudget with `maxUnavailable: 1` and the labels of \
               spec.selector."
            .to_owned(),
    }
}

fn allowed(budget: &Budget, number: i32, report: &mut Report<'_, Rule>) {
    // Without Pods there is nothing to evict.
    if number == 0 || budget.allowed_disruptions(number) != Some(0) {
        return;
    }
    let (found, hint) = match (&budget.max_unavailable, &budget.min_available) {
        (Some(most), _) => (
            format!("maxUnavailable {}", shown(most)),
            "Set maxUnavailable to 1.",
        ),
        (None, Some(fewest)) if number == 1 => (
            format!("minAvailable {}", shown(fewest)),
            "Run two replicas, or remove the budget: one Pod cannot be moved and stay.",
        ),
        (None, Some(fewest)) => (
            format!("minAvailable {}", shown(fewest)),
            "Use `maxUnavailable: 1` instead, which fits any number of replicas.",
        ),
        (None, None) => (
            "neither minAvailable nor maxUnavailable".to_owned(),
            "Set maxUnavailable to 1.",
        ),
    };
    report.add(Rule::BudgetBlocksEvictions, || Problem {
        path: String::new(),
        message: format!(
            "The PodDisruptionBudget `{}` allows no eviction at {number} {}: no node with one of \
             these Pods can be drained, so upgrades of the cluster stop there or kill the Pod.",
            budget.name,
            if number == 1 { "replica" } else { "replicas" }
        ),
        found: format!("{found} at {number} as the fewest replicas"),
        expected: "at least one eviction at a time".to_owned(),
        hint: hint.to_owned(),
    });
}

fn broken_pods(budget: &Budget, report: &mut Report<'_, Rule>) {
    if budget.unhealthy_pod_eviction_policy.as_deref() == Some("AlwaysAllow") {
        return;
    }
    report.add(Rule::BudgetKeepsBrokenPods, || Problem {
        path: String::new(),
        message: format!(
            "If this version never gets ready, the PodDisruptionBudget `{}` keeps its Pods on \
             their nodes: they cannot be evicted until somebody deletes them.",
            budget.name
        ),
        found: "unhealthyPodEvictionPolicy IfHealthyBudget".to_owned(),
        expected: "AlwaysAllow".to_owned(),
        hint: "Set `unhealthyPodEvictionPolicy: AlwaysAllow` in the budget.".to_owned(),
    });
}

fn overlap(one: &Budget, other: &Budget) -> Problem {
    Problem {
        path: String::new(),
        message: format!(
            "The PodDisruptionBudgets `{}` and `{}` select the same Pods, and Kubernetes refuses \
             every eviction of a Pod with more than one.",
            one.name, other.name
        ),
        found: "several PodDisruptionBudgets".to_owned(),
        expected: "one".to_owned(),
        hint: "Remove one of them, or narrow its selector.".to_owned(),
    }
}

fn shown(value: &IntOrString) -> String {
    match value {
        IntOrString::Int(number) => number.to_string(),
        IntOrString::Text(text) => text.clone(),
    }
}
