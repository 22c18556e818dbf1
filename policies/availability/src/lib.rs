//! Checks what keeps a workload available beside its rollouts: budgets, replicas, spread, priority.
//!
//! README.md lists the rules with their reasons, and the settings.

mod budgets;
mod priority;
mod replicas;
pub mod rules;
pub mod settings;
mod spread;

use rollgate_sdk::neighbours::Neighbours;
use rollgate_sdk::rules::{Exceptions, Report};
use rollgate_sdk::scale::Replicas;
use rollgate_sdk::{Existing, Failure, Findings, Kind, SettingsError, Workload, WorkloadCheck};

use rules::Rule;
use settings::Settings;

/// The policy, which consists of its settings.
pub struct Availability {
    settings: Settings,
    exceptions: Exceptions<Rule>,
}

impl WorkloadCheck for Availability {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, SettingsError> {
        Ok(Self {
            settings,
            exceptions: Exceptions::default(),
        })
    }

    fn check(&self, _: &Workload, _: &mut Findings) {}

    fn check_neighbours(
        &self,
        workload: &Workload,
        neighbours: &Neighbours,
        findings: &mut Findings,
    ) -> Result<(), Failure> {
        if workload.kind() == Kind::Service {
            return Ok(());
        }
        let mut report = Report::new(&self.settings.rules, &self.exceptions, findings);
        priority::check(workload, neighbours, &mut report)?;
        // The Pods of a DaemonSet have a node each, and evictions leave them alone.
        let Some(replicas) = Replicas::of(workload, neighbours)? else {
            return Ok(());
        };
        replicas::check(workload, &replicas, neighbours, &mut report);
        budgets::check(workload, &replicas, neighbours, &mut report)?;
        spread::check(workload, &replicas, &mut report);
        Ok(())
    }

    fn existing(&self) -> Existing {
        self.settings.existing
    }
}

rollgate_sdk::export!(Availability, name = "availability");
