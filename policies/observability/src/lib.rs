//! Checks what monitoring needs of a workload: ports and annotations to scrape, endpoints, labels
//! and the log level.
//!
//! README.md lists the rules with their reasons, and the settings.

mod endpoints;
mod labels;
mod log_level;
pub mod rules;
mod scrape;
pub mod settings;

use rollgate_sdk::rules::Report;
use rollgate_sdk::{Existing, Findings, Kind, SettingsError, Workload, WorkloadCheck};

use settings::Settings;

/// The policy, which consists of its settings.
pub struct Observability {
    settings: Settings,
}

impl WorkloadCheck for Observability {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, SettingsError> {
        settings.check()?;
        Ok(Self { settings })
    }

    fn check(&self, workload: &Workload, findings: &mut Findings) {
        // A Service has no Pods of its own to look at.
        if workload.kind() == Kind::Service {
            return;
        }
        let settings = &self.settings;
        let mut report = Report::new(&settings.rules, &settings.exceptions, findings);
        scrape::check(workload, settings, &mut report);
        labels::check(workload, settings, &mut report);
        for container in workload.long_running() {
            log_level::check(container, settings, &mut report);
            endpoints::check(container, settings, &mut report);
        }
    }

    fn existing(&self) -> Existing {
        self.settings.existing
    }
}

rollgate_sdk::export!(Observability, name = "observability");
