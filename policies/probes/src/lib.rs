//! Checks the probes of every container that runs as long as its Pod: main containers and sidecars.
//!
//! Kubernetes recognizes a bad rollout by its probes only, and a wrong probe causes outages of its
//! own. README.md lists the rules with their reasons, and the settings.

mod exec;
mod host;
mod missing;
mod pace;
mod ports;
mod reach;
mod report;
pub mod rules;
pub mod settings;
mod start;
mod timing;
mod twin;
mod view;

use rollgate_sdk::{Existing, Findings, SettingsError, Workload, WorkloadCheck};

use missing::Work;
use report::Report;
use settings::Settings;
use view::View;

/// The policy, which consists of its settings.
pub struct Probes {
    settings: Settings,
}

impl WorkloadCheck for Probes {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, SettingsError> {
        settings.check()?;
        Ok(Self { settings })
    }

    fn check(&self, workload: &Workload, findings: &mut Findings) {
        let work = Work::of(workload);
        for container in workload.long_running() {
            let view = View { container };
            let mut report = Report {
                settings: &self.settings,
                container,
                findings,
            };
            missing::check(view, work, &mut report);
            reach::check(view, &mut report);
            ports::check(view, &mut report);
            twin::check(view, &mut report);
            start::check(view, &mut report);
            timing::check(view, &mut report);
        }
    }

    fn existing(&self) -> Existing {
        self.settings.existing
    }
}

rollgate_sdk::export!(Probes, name = "probes");
