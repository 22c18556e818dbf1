//! The PriorityClass of the Pods.

use rollgate_sdk::neighbours::{Neighbours, Seen};
use rollgate_sdk::rules::{Problem, Report};
use rollgate_sdk::{Failure, Workload};

use crate::rules::Rule;

/// Finds a class that the cluster does not have.
pub(crate) fn check(
    workload: &Workload,
    neighbours: &Neighbours,
    report: &mut Report<'_, Rule>,
) -> Result<(), Failure> {
    let name = workload.pod().and_then(|pod| pod.priority_class_name);
    // Kubernetes itself has the classes with this prefix, which is reserved.
    let Some(name) = name.filter(|name| !name.is_empty() && !name.starts_with("system-")) else {
        return Ok(());
    };
    if let Seen::Yes(None) = neighbours.priority_class(&name)? {
        report.add(Rule::PriorityClassMissing, || Problem {
            path: workload.pod_path("priorityClassName"),
            message: format!(
                "There is no PriorityClass `{name}`: the API server refuses every Pod of this \
                 template, so the rollout gets stuck, and so does each Pod that is replaced later."
            ),
            found: name.clone(),
            expected: "the name of a PriorityClass of this cluster".to_owned(),
            hint: "Create the PriorityClass first, or remove priorityClassName.".to_owned(),
        });
    }
    Ok(())
}
