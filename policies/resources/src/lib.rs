//! Checks the requests and limits of every container that runs as long as its Pod, and what a
//! rollout changes of them.
//!
//! README.md lists the rules with their reasons, and the settings.

mod change;
mod presence;
pub mod rules;
pub mod settings;
mod size;

use rollgate_sdk::rules::Report;
use rollgate_sdk::{
    Existing, Failure, Findings, Policy, Rollout, SettingsError, Verdict, Workload, WorkloadCheck,
};

use rules::Rule;
use settings::{Config, Settings};

/// The policy.
pub struct Resources(PerWorkload);

/// The rules that look at one workload.
struct PerWorkload(Config);

impl Policy for Resources {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, SettingsError> {
        settings.parse().map(PerWorkload).map(Self)
    }

    fn evaluate(&self, rollout: &Rollout<'_>) -> Result<Verdict, Failure> {
        let verdict = Policy::evaluate(&self.0, rollout)?;
        let mut findings = Findings::new();
        if let (Some(new), Some(old)) = (rollout.new(), rollout.old()) {
            let config = &self.0.0;
            change::check(new, old, config, &mut report(config, &mut findings));
        }
        Ok(verdict.and(findings.into()))
    }
}

impl WorkloadCheck for PerWorkload {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, SettingsError> {
        settings.parse().map(Self)
    }

    fn check(&self, workload: &Workload, findings: &mut Findings) {
        let mut report = report(&self.0, findings);
        for container in workload.long_running() {
            presence::check(container, &self.0, &mut report);
            size::check(container, &self.0, &mut report);
        }
    }

    fn existing(&self) -> Existing {
        self.0.existing
    }
}

fn report<'a>(config: &'a Config, findings: &'a mut Findings) -> Report<'a, Rule> {
    Report::new(&config.rules, &config.exceptions, findings)
}

rollgate_sdk::export!(Resources, name = "resources");
