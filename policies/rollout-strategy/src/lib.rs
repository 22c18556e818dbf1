//! Checks how a rollout replaces Pods, with the numbers that Kubernetes' controllers compute.
//!
//! README.md lists the rules with their reasons, and the settings.

mod argo;
mod pods;
mod ready;
pub mod rules;
pub mod settings;
mod volume;

use rollgate_sdk::neighbours::{Neighbours, Seen};
use rollgate_sdk::rules::{Exceptions, Problem, Report};
use rollgate_sdk::{Existing, Failure, Findings, Kind, SettingsError, Workload, WorkloadCheck};

use rules::Rule;
use settings::Settings;

/// The policy, which consists of its settings.
pub struct RolloutStrategy {
    settings: Settings,
    exceptions: Exceptions<Rule>,
}

impl WorkloadCheck for RolloutStrategy {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, SettingsError> {
        settings.check()?;
        Ok(Self {
            settings,
            exceptions: Exceptions::default(),
        })
    }

    fn check(&self, workload: &Workload, findings: &mut Findings) {
        let mut report = self.report(findings);
        way_back(workload, &mut report);
        ready::check(workload, &mut report);
        argo::check(workload, &mut report);
        pods::rolls_nothing(workload, &mut report);
    }

    fn check_neighbours(
        &self,
        workload: &Workload,
        neighbours: &Neighbours,
        findings: &mut Findings,
    ) -> Result<(), Failure> {
        if workload.kind() == Kind::Service {
            return Ok(());
        }
        let services = neighbours.services(workload)?;
        let service = match services {
            Seen::Yes(services) => services.first().map(|service| service.name.as_str()),
            Seen::No => None,
        };
        let mut report = self.report(findings);
        pods::check(
            workload,
            service,
            neighbours,
            self.settings.limits,
            &mut report,
        )?;
        volume::check(workload, neighbours, &mut report)
    }

    fn existing(&self) -> Existing {
        self.settings.existing
    }
}

impl RolloutStrategy {
    fn report<'a>(&'a self, findings: &'a mut Findings) -> Report<'a, Rule> {
        Report::new(&self.settings.rules, &self.exceptions, findings)
    }
}

/// Finds a workload of which no earlier revision is kept.
fn way_back(workload: &Workload, report: &mut Report<'_, Rule>) {
    const PATH: &str = "/spec/revisionHistoryLimit";
    let limit: Option<i64> = workload.read(PATH).ok().flatten();
    if limit == Some(0) {
        report.add(Rule::NoWayBack, || Problem {
            path: PATH.to_owned(),
            message: "No earlier revision is kept, so nobody can undo this rollout: `kubectl \
                      rollout undo` has nothing to go back to."
                .to_owned(),
            found: "revisionHistoryLimit 0".to_owned(),
            expected: "1 or more".to_owned(),
            hint: "Remove revisionHistoryLimit (the default is 10), or set 2 or more.".to_owned(),
        });
    }
}

rollgate_sdk::export!(RolloutStrategy, name = "rollout-strategy");
