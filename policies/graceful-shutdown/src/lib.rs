//! Checks whether the Pods of a workload can stop without losing requests: the time that they have,
//! the time that they need, and whether the signal to stop reaches the program.
//!
//! README.md lists the rules with their reasons, and the settings.

mod grace;
mod prestop;
pub mod rules;
pub mod settings;
mod sigterm;
mod sleep;

use rollgate_sdk::neighbours::Neighbours;
use rollgate_sdk::rules::Report;
use rollgate_sdk::{Existing, Failure, Findings, SettingsError, Workload, WorkloadCheck};

use settings::Settings;

/// The policy, which consists of its settings.
pub struct GracefulShutdown {
    settings: Settings,
}

impl WorkloadCheck for GracefulShutdown {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, SettingsError> {
        settings.check()?;
        Ok(Self { settings })
    }

    fn check(&self, workload: &Workload, findings: &mut Findings) {
        let Some(pod) = workload.pod() else {
            return;
        };
        let settings = &self.settings;
        let mut report = Report::new(&settings.rules, &settings.exceptions, findings);
        grace::check(workload, &pod, settings, &mut report);
        for container in workload.long_running() {
            sigterm::check(container, &pod, &mut report);
        }
    }

    fn check_neighbours(
        &self,
        workload: &Workload,
        neighbours: &Neighbours,
        findings: &mut Findings,
    ) -> Result<(), Failure> {
        // A Service has no Pods of its own.
        if workload.pod().is_none() {
            return Ok(());
        }
        let settings = &self.settings;
        let mut report = Report::new(&settings.rules, &settings.exceptions, findings);
        prestop::check(workload, neighbours, &mut report)
    }

    fn existing(&self) -> Existing {
        self.settings.existing
    }
}

rollgate_sdk::export!(GracefulShutdown, name = "graceful-shutdown");
