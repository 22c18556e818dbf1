//! Keeps shadows and the arms of experiments away from production traffic, and an arm from rolling
//! while another one does.

mod role;
mod service;
mod settings;

use rollgate_sdk::status::{self, WorkloadKind, WorkloadStatus};
use rollgate_sdk::{
    Change, Failure, Finding, Kind, Policy, Rollout, SettingsError, Verdict, Workload,
};

pub use crate::settings::{ProductionLabel, Settings};

use crate::role::Role;
use crate::service::Service;

/// The policy, which consists of its settings.
#[derive(Debug)]
pub struct ExperimentGuard {
    settings: Settings,
}

impl Policy for ExperimentGuard {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, SettingsError> {
        let keys = [
            ("/shadowLabel", &settings.shadow_label),
            ("/experimentLabel", &settings.experiment_label),
        ];
        if let Some((path, _)) = keys.into_iter().find(|(_, key)| key.is_empty()) {
            return Err(SettingsError::at(
                path,
                "is empty; write the key of a label",
            ));
        }
        if settings.kinds.is_empty() {
            let message = "is empty: no workload would be found";
            return Err(SettingsError::at("/kinds", message));
        }
        Ok(Self { settings })
    }

    fn evaluate(&self, rollout: &Rollout<'_>) -> Result<Verdict, Failure> {
        let Some(new) = rollout.new() else {
            return Ok(Verdict::allow());
        };
        if new.kind() == Kind::Service {
            return self.of_service(new);
        }
        let kind = WorkloadKind::of(&new.kind());
        let role = Role::of(new, &self.settings);
        let Some((kind, role)) = kind.zip(role) else {
            return Ok(Verdict::allow());
        };
        let verdict = self.selected(new, &role)?;
        match role {
            Role::Arm(experiment) if rollout.change() != Change::Scale => {
                Ok(verdict.and(self.other_arms(new, kind, &experiment)?))
            }
            _ => Ok(verdict),
        }
    }
}

impl ExperimentGuard {
    /// Denies a shadow or an arm whose Pods a Service of production selects.
    fn selected(&self, new: &Workload, role: &Role) -> Result<Verdict, Failure> {
        let labels = new.pod_labels();
        let value = |key: &str| {
            let found = labels.iter().find(|(name, _)| name == key);
            found.map(|(_, value)| value.as_str())
        };
        let mut services = Service::list(&new.namespace())?;
        services
            .retain(|service| service.is_of_production(&self.settings) && service.selects(value));
        let findings = services.iter().map(|service| {
            let message = format!(
                "{} {}/{} is {role}, and the Service {} of production would send requests of users to it",
                new.kind(),
                new.namespace(),
                new.name(),
                service.name()
            );
            selected("/spec/template/metadata/labels", message, service)
        });
        Ok(findings.fold(Verdict::allow(), Verdict::with_finding))
    }

    /// Denies a Service of production that would select a shadow or an arm.
    fn of_service(&self, new: &Workload) -> Result<Verdict, Failure> {
        let service = Service::of(new);
        if !service.is_of_production(&self.settings) {
            return Ok(Verdict::allow());
        }
        let mut verdict = Verdict::allow();
        for workload in self.workloads(&new.namespace())? {
            let Some(role) = Role::of_status(&workload, &self.settings) else {
                continue;
            };
            if service.selects(|key| workload.pod_label(key)) {
                let message = format!(
                    "The Service {} of production would send requests of users to {workload}, which is {role}",
                    service.name()
                );
                verdict = verdict.with_finding(selected("/spec/selector", message, &service));
            }
        }
        Ok(verdict)
    }

    /// Holds while another arm of the experiment rolls.
    fn other_arms(
        &self,
        new: &Workload,
        kind: WorkloadKind,
        experiment: &str,
    ) -> Result<Verdict, Failure> {
        let mut verdict = Verdict::allow();
        for workload in self.workloads(&new.namespace())? {
            let is_itself = workload.kind() == kind && workload.name() == new.name();
            let role = Role::of_status(&workload, &self.settings);
            if is_itself || role != Some(Role::Arm(experiment.to_owned())) {
                continue;
            }
            let progress = workload.progress();
            if !progress.is_rolling() {
                continue;
            }
            let message = format!(
                "{workload}, another arm of the experiment {experiment}, is rolling: {progress}. With both \
                 arms changing, their numbers cannot be compared"
            );
            verdict = verdict.with_finding(
                Finding::hold("other-arm-rolls", "", message)
                    .found(&progress)
                    .expected("no other arm that rolls")
                    .hint("Try again when `kubectl rollout status` of that workload ends"),
            );
        }
        Ok(verdict)
    }

    fn workloads(&self, namespace: &str) -> Result<Vec<WorkloadStatus>, Failure> {
        let mut found = Vec::new();
        for kind in &self.settings.kinds {
            found.extend(status::workloads(*kind, namespace, "")?);
        }
        Ok(found)
    }
}

fn selected(path: &str, message: String, service: &Service) -> Finding {
    Finding::deny("selected-by-production", path, message)
        .found(format!(
            "Service {} selects {}",
            service.name(),
            service.selector()
        ))
        .expected("no Service of production that selects it")
        .hint("Give the Service a label in its selector that only production's Pods have")
}

rollgate_sdk::export!(ExperimentGuard, name = "experiment-guard");
