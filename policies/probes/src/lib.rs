//! Judges the probes of every container that runs as long as its Pod: main ones and sidecars.
//!
//! A probe is the only thing that tells Kubernetes a good rollout from a bad one, and a wrong
//! probe makes an outage of its own. README.md lists the rules, why each stands and what an
//! operator can set.

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

use report::Report;
use settings::Settings;
use view::View;

/// The policy: its settings are all it keeps.
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
        for container in workload.long_running() {
            let view = View { container };
            let mut report = Report {
                settings: &self.settings,
                container,
                findings,
            };
            missing::check(view, &mut report);
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
