//! Limits how many workloads roll at once, in a namespace, in the cluster, or by a label.

mod settings;

use rollgate_sdk::status::{self, Progress, WorkloadKind, WorkloadStatus, equality_selector};
use rollgate_sdk::{
    Change, Evidence, Failure, Finding, Policy, Rollout, SettingsError, Verdict, Workload,
};

pub use crate::settings::{Scope, Settings, Stalled};

/// The policy, which consists of its settings.
#[derive(Debug)]
pub struct Concurrency {
    settings: Settings,
}

/// The number of workloads that a message lists.
const MOST_LISTED: usize = 5;

impl Policy for Concurrency {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, SettingsError> {
        if settings.kinds.is_empty() {
            let message = "is empty: nothing would count, so every rollout would pass";
            return Err(SettingsError::at("/kinds", message));
        }
        if settings.label.as_deref() == Some("") {
            return Err(SettingsError::at(
                "/label",
                "is empty; write a key such as team",
            ));
        }
        Ok(Self { settings })
    }

    fn evaluate(&self, rollout: &Rollout<'_>) -> Result<Verdict, Failure> {
        let Some(new) = rollout.new() else {
            return Ok(Verdict::allow());
        };
        let Some(kind) = WorkloadKind::of(&new.kind()) else {
            return Ok(Verdict::allow()); // A Service starts no Pods.
        };
        if rollout.change() == Change::Scale {
            return Ok(Verdict::allow());
        }
        let team = match &self.settings.label {
            None => None,
            Some(key) => match new.label(key) {
                Some(value) => Some((key.as_str(), value)),
                None => return Ok(Verdict::deny(no_label(new, key))),
            },
        };
        let rolling = self.rolling(new, kind, team.as_ref())?;
        Ok(self.judge(&rolling, new, team.as_ref()))
    }
}

/// A workload that is rolling, and how far it is.
type Rolling = (WorkloadStatus, Progress);

impl Concurrency {
    /// Reads which other workloads are rolling.
    fn rolling(
        &self,
        new: &Workload,
        kind: WorkloadKind,
        team: Option<&(&str, String)>,
    ) -> Result<Vec<Rolling>, Failure> {
        let namespace = new.namespace();
        let scope = match self.settings.scope {
            Scope::Namespace => namespace.as_str(),
            Scope::Cluster => "",
        };
        let selector = self.selector(team)?;
        let (name, excluded) = (new.name(), &self.settings.exclude_namespaces);
        let mut rolling = Vec::new();
        for of_kind in &self.settings.kinds {
            for workload in status::workloads(*of_kind, scope, &selector)? {
                let is_itself = workload.kind() == kind
                    && workload.namespace() == namespace
                    && workload.name() == name;
                if is_itself || excluded.iter().any(|other| other == workload.namespace()) {
                    continue;
                }
                let progress = workload.progress();
                if self.counts(&progress) {
                    rolling.push((workload, progress));
                }
            }
        }
        Ok(rolling)
    }

    fn selector(&self, team: Option<&(&str, String)>) -> Result<String, Failure> {
        let own = self.settings.selector.clone().unwrap_or_default();
        let Some((key, value)) = team else {
            return Ok(own);
        };
        let of_team = equality_selector([(*key, value.as_str())]).ok_or_else(|| {
            Failure::unsupported(format!(
                "the label {key}={value} of the workload is not valid"
            ))
        })?;
        Ok(if own.is_empty() {
            of_team
        } else {
            [own.as_str(), ",", &of_team].concat()
        })
    }

    fn counts(&self, progress: &Progress) -> bool {
        match progress {
            Progress::Stalled(_) => self.settings.stalled == Stalled::Count,
            other => other.is_rolling(),
        }
    }

    fn judge(&self, rolling: &[Rolling], new: &Workload, team: Option<&(&str, String)>) -> Verdict {
        let max = usize::try_from(self.settings.max.get()).unwrap_or(usize::MAX);
        let count = rolling.len();
        let evidence = Evidence::new("other workloads rolling", count).bound(format!("< {max}"));
        if count < max {
            return Verdict::allow().with_evidence(evidence);
        }
        let listed = rolling.iter().take(MOST_LISTED);
        let listed: Vec<_> = listed
            .map(|(workload, progress)| format!("{workload} ({progress})"))
            .collect();
        let more = match count - listed.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let place = match self.settings.scope {
            Scope::Namespace => format!("in the namespace {}", new.namespace()),
            Scope::Cluster => "in the cluster".to_owned(),
        };
        let of_team = team.map(|(key, value)| format!(" with {key}={value}"));
        let message = format!(
            "At most {max} workloads may roll at once {place}{}, and {count} do: {}{more}",
            of_team.unwrap_or_default(),
            listed.join(", ")
        );
        let finding = Finding::hold("too-many-rollouts", "", message)
            .found(format!("{count} rolling"))
            .expected(format!("at most {max}, with this one"))
            .hint("Try again when one of them is complete; `kubectl rollout status` waits for it");
        Verdict::hold(finding).with_evidence(evidence)
    }
}

fn no_label(new: &Workload, key: &str) -> Finding {
    let message = format!(
        "The label {key} is missing, by whose value rollouts are counted: nothing shows which \
         workloads this one counts with"
    );
    Finding::deny("no-label", new.label_path(key), message)
        .expected(format!("the label {key}"))
        .hint("Set metadata.labels of the workload itself; labels of its Pods do not count")
}

rollgate_sdk::export!(Concurrency, name = "concurrency");
