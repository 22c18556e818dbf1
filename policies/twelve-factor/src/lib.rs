//! Finds what keeps a workload from being configured, moved and replaced freely: secrets and
//! configuration in the manifest, folders and ports of the node.
//!
//! README.md lists the rules with their reasons, and the settings.

mod config;
mod node;
pub mod rules;
pub mod secret;
pub mod settings;

use rollgate_sdk::rules::Report;
use rollgate_sdk::{Existing, Findings, SettingsError, Workload, WorkloadCheck};

use settings::Settings;

/// The policy, which consists of its settings.
pub struct TwelveFactor {
    settings: Settings,
}

impl WorkloadCheck for TwelveFactor {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, SettingsError> {
        settings.check()?;
        Ok(Self { settings })
    }

    fn check(&self, workload: &Workload, findings: &mut Findings) {
        let settings = &self.settings;
        let mut report = Report::new(&settings.rules, &settings.exceptions, findings);
        for container in workload.containers() {
            config::check(container, settings, &mut report);
        }
        node::check(workload, &mut report);
    }

    fn existing(&self) -> Existing {
        self.settings.existing
    }
}

rollgate_sdk::export!(TwelveFactor, name = "twelve-factor");
