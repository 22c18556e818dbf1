//! Checks the images of a workload, and what a rollout changes of them.
//!
//! README.md lists the rules with their reasons, and the settings.

mod change;
mod origin;
pub mod pattern;
mod pinned;
mod registry;
pub mod rules;
pub mod settings;
mod used;
mod version;

use rollgate_sdk::rules::Report;
use rollgate_sdk::{
    Change, Existing, Failure, Findings, Policy, Rollout, SettingsError, Verdict, Workload,
    WorkloadCheck,
};

use rules::Rule;
use settings::{Config, Settings};

/// The policy.
pub struct Images(PerWorkload);

/// The rules that look at one workload.
struct PerWorkload(Config);

impl Policy for Images {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, SettingsError> {
        settings.parse().map(PerWorkload).map(Self)
    }

    fn evaluate(&self, rollout: &Rollout<'_>) -> Result<Verdict, Failure> {
        let verdict = Policy::evaluate(&self.0, rollout)?;
        let mut findings = Findings::new();
        // A rollback goes to an earlier version on purpose.
        if rollout.change() == Change::RollForward
            && let (Some(new), Some(old)) = (rollout.new(), rollout.old())
        {
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
        let config = &self.0;
        let mut report = report(config, findings);
        for used in used::images(workload) {
            pinned::check(&used, config, &mut report);
            origin::check(&used, config, &mut report);
        }
    }

    fn existing(&self) -> Existing {
        self.0.existing
    }
}

fn report<'a>(config: &'a Config, findings: &'a mut Findings) -> Report<'a, Rule> {
    Report::new(&config.rules, &config.exceptions, findings)
}

rollgate_sdk::export!(Images, name = "images");
