//! Holds a rollout until the workloads that it depends on are available and not rolling.

mod cycle;
mod reference;
mod settings;

use rollgate_sdk::status::{self, Progress, WorkloadKind, WorkloadStatus};
use rollgate_sdk::{
    Change, Combined, Evidence, Failure, Finding, Policy, Rollout, SettingsError, Verdict,
};

pub use crate::settings::Settings;

use crate::reference::Reference;

/// The policy.
#[derive(Debug)]
pub struct DependenciesFirst {
    annotation: String,
}

/// The number of dependencies that one workload may have; each takes a host call.
const MOST_DEPENDENCIES: usize = 20;

impl Policy for DependenciesFirst {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, SettingsError> {
        let annotation = settings
            .annotation
            .unwrap_or_else(|| "rollgate.dev/depends-on".to_owned());
        if annotation.is_empty() {
            let message = "is empty; write a key such as rollgate.dev/depends-on";
            return Err(SettingsError::at("/annotation", message));
        }
        Ok(Self { annotation })
    }

    fn evaluate(&self, rollout: &Rollout<'_>) -> Result<Verdict, Failure> {
        let Some(new) = rollout.new() else {
            return Ok(Verdict::allow());
        };
        let Some(kind) = WorkloadKind::of(&new.kind()) else {
            return Ok(Verdict::allow()); // A Service starts no Pods.
        };
        let list = new.annotation(&self.annotation);
        let Some(list) = list.filter(|_| rollout.change() != Change::Scale) else {
            return Ok(Verdict::allow());
        };
        let path = new.annotation_path(&self.annotation);
        let (namespace, name) = (new.namespace(), new.name());
        let mut references = Vec::new();
        let mut combined = Combined::new();
        for part in reference::parse(&list, &namespace) {
            match part {
                Ok(reference) if references.contains(&reference) => {}
                Ok(reference) => references.push(reference),
                Err(part) => combined.add(Ok(Verdict::deny(not_a_reference(part, &path)))),
            }
        }
        if references.len() > MOST_DEPENDENCIES {
            return Err(Failure::unsupported(format!(
                "the annotation {} names {} workloads, and at most {MOST_DEPENDENCIES} can be read",
                self.annotation,
                references.len()
            )));
        }
        let itself = Reference {
            kind,
            namespace,
            name,
        };
        if references.contains(&itself) {
            let cycle = [itself.clone(), itself.clone()];
            combined.add(Ok(Verdict::allow().with_finding(in_circle(&cycle, &path))));
        }
        let mut upstream = Vec::new();
        for reference in references.into_iter().filter(|other| *other != itself) {
            let found = status::workload(reference.kind, &reference.namespace, &reference.name);
            match found {
                Ok(Some(workload)) => {
                    combined.add(Ok(judge(&workload, &path)));
                    upstream.push(workload);
                }
                Ok(None) => combined.add(Ok(Verdict::hold(missing(&reference, &path)))),
                Err(error) => combined.add(Err(Failure::source(format!(
                    "{reference} could not be read: {error}"
                )))),
            }
        }
        if let Some(cycle) = cycle::find(&itself, upstream, &self.annotation) {
            combined.add(Ok(Verdict::allow().with_finding(in_circle(&cycle, &path))));
        }
        combined.finish()
    }
}

/// Holds while a workload is not available, or rolling.
fn judge(workload: &WorkloadStatus, path: &str) -> Verdict {
    let (progress, replicas) = (workload.progress(), workload.replicas());
    let what = match &progress {
        Progress::Complete if replicas == 0 => "has no Pods".to_owned(),
        Progress::Complete => {
            let evidence = Evidence::new(workload.to_string(), &progress);
            return Verdict::allow().with_evidence(evidence);
        }
        Progress::Rolling(why) => format!("is rolling: {why}"),
        Progress::Stalled(why) => format!("has not finished its rollout: {why}"),
        Progress::Unavailable(why) | Progress::OnDelete(why) => format!("is not available: {why}"),
    };
    let message = format!("{workload}, on which this workload depends, {what}");
    let finding = Finding::hold("dependency-not-available", path, message)
        .found(if replicas == 0 {
            "0 replicas".to_owned()
        } else {
            progress.to_string()
        })
        .expected("all of its Pods updated and available")
        .hint("Try again when `kubectl rollout status` of that workload ends");
    Verdict::hold(finding)
}

fn missing(reference: &Reference, path: &str) -> Finding {
    let message = format!("{reference}, on which this workload depends, does not exist");
    Finding::hold("dependency-missing", path, message)
        .found("no such object")
        .expected(reference)
        .hint("Deploy it first; or correct the annotation, if the name is wrong")
}

fn not_a_reference(part: &str, path: &str) -> Finding {
    let message = format!("`{part}` does not name a workload, so it cannot be waited for");
    Finding::deny("dependency-unknown", path, message)
        .found(part)
        .expected("KIND/NAME or NAMESPACE/KIND/NAME, such as Deployment/db")
        .hint("The kinds are Deployment, StatefulSet, DaemonSet and Rollout")
}

fn in_circle(cycle: &[Reference], path: &str) -> Finding {
    let names: Vec<_> = cycle.iter().map(ToString::to_string).collect();
    let message = format!(
        "These workloads depend on each other: {}. When one of them is missing or broken, each \
         holds the others",
        names.join(" -> ")
    );
    Finding::warn("dependency-cycle", path, message).hint("Remove one of the annotations")
}

rollgate_sdk::export!(DependenciesFirst, name = "dependencies-first");
