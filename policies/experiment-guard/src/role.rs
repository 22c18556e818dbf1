//! What a workload is: production, a shadow, or an arm of an experiment.

use std::fmt;

use rollgate_sdk::Workload;
use rollgate_sdk::status::WorkloadStatus;

use crate::settings::Settings;

/// A workload that must get no production traffic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// It gets a copy of the traffic.
    Shadow,
    /// It is an arm of the experiment with this name.
    Arm(String),
}

impl Role {
    /// Returns the role of an object of the rollout, by its own labels or those of its Pods.
    pub(crate) fn of(workload: &Workload, settings: &Settings) -> Option<Self> {
        let (own, pods) = (workload.labels(), workload.pod_labels());
        let value = |key: &str| {
            let mut labels = pods.iter().chain(&own);
            let found = labels.find(|(name, _)| name == key);
            found.map(|(_, value)| value.as_str())
        };
        Self::by(value, settings)
    }

    /// Returns the role of a workload of the cluster.
    pub(crate) fn of_status(workload: &WorkloadStatus, settings: &Settings) -> Option<Self> {
        Self::by(
            |key| workload.pod_label(key).or_else(|| workload.label(key)),
            settings,
        )
    }

    /// Returns the role by labels. An arm that is also a shadow is an arm, so that both rules hold.
    pub(crate) fn by<'a>(
        value: impl Fn(&str) -> Option<&'a str>,
        settings: &Settings,
    ) -> Option<Self> {
        if let Some(experiment) = value(&settings.experiment_label) {
            return Some(Self::Arm(experiment.to_owned()));
        }
        let shadow = value(&settings.shadow_label)?;
        (shadow != "false").then_some(Self::Shadow)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shadow => f.write_str("a shadow"),
            Self::Arm(experiment) => write!(f, "an arm of the experiment {experiment}"),
        }
    }
}
