//! Labels that a platform requires.

use rollgate_sdk::rules::{Problem, Report};
use rollgate_sdk::{Workload, pointer};

use crate::rules::Rule;
use crate::settings::Settings;

/// Checks the labels of the workload and of its Pods. An empty value is no label.
pub(crate) fn check(workload: &Workload, settings: &Settings, report: &mut Report<'_, Rule>) {
    let required = &settings.labels;
    if !required.workload.is_empty() {
        let labels = workload.labels();
        for key in missing(&required.workload, &labels) {
            report.add(Rule::LabelMissing, || {
                let path = pointer(["metadata", "labels", key]);
                problem(path, "The workload", key)
            });
        }
    }
    if !required.pods.is_empty() {
        let labels = workload.pod_labels();
        for key in missing(&required.pods, &labels) {
            report.add(Rule::LabelMissing, || {
                let path = pointer(["spec", "template", "metadata", "labels", key]);
                problem(path, "The Pod template", key)
            });
        }
    }
}

fn missing<'a>(
    required: &'a [String],
    labels: &[(String, String)],
) -> impl Iterator<Item = &'a String> {
    required.iter().filter(|key| {
        let mut labels = labels.iter();
        !labels.any(|(name, value)| name == *key && !value.is_empty())
    })
}

fn problem(path: String, subject: &str, key: &str) -> Problem {
    Problem {
        path,
        message: [
            subject,
            " has no label `",
            key,
            "`, which this platform requires: dashboards and alerts by this label do not include \
             the workload.",
        ]
        .concat(),
        found: "no such label".to_owned(),
        expected: ["a label ", key].concat(),
        hint: "Add the label; those of Pods need not be in spec.selector, which cannot be changed."
            .to_owned(),
    }
}
