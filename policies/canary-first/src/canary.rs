//! Which workload is the canary of another.

use rollgate_sdk::status::{self, WorkloadKind, WorkloadStatus, equality_selector};
use rollgate_sdk::{Failure, Problems, Workload};

use crate::settings::{CanaryLabels, Settings};

/// How canaries are recognised.
#[derive(Debug)]
pub(crate) enum Canaries {
    /// By what stands before and after the name of the stable workload.
    Named { before: String, after: String },
    /// By labels.
    Labelled(CanaryLabels),
}

/// The canary of a workload.
pub(crate) enum Found {
    /// It exists.
    One(Box<WorkloadStatus>),
    /// There is none: what was looked for.
    None(String),
    /// The workload is a canary itself.
    Itself,
}

/// Whether what stands around a name makes it another one.
fn is_around(before: &str, after: &str) -> bool {
    let is_alone = before.is_empty() && after.is_empty();
    !is_alone && !after.contains(NAME)
}

impl Found {
    fn one(canary: WorkloadStatus) -> Self {
        Self::One(Box::new(canary))
    }
}

const NAME: &str = "${name}";

impl Canaries {
    pub(crate) fn parse(settings: &mut Settings, problems: &mut Problems<'_>) -> Option<Self> {
        if let Some(labels) = settings.canary_labels.take() {
            if settings.canary_name.is_some() {
                return problems
                    .at("canaryName")
                    .refuse("is given beside `canaryLabels`; write one of the two");
            }
            if labels.has.is_empty() || labels.shares.is_empty() {
                return problems
                    .at("canaryLabels")
                    .refuse("needs labels in `has`, and a key in `shares`");
            }
            return Some(Self::Labelled(labels));
        }
        let pattern = settings.canary_name.as_deref().unwrap_or("${name}-canary");
        match pattern.split_once(NAME) {
            Some((before, after)) if is_around(before, after) => Some(Self::Named {
                before: before.to_owned(),
                after: after.to_owned(),
            }),
            _ => problems
                .at("canaryName")
                .refuse("must have ${name} once and something around it, such as ${name}-canary"),
        }
    }

    /// Reads the canary of a workload.
    ///
    /// # Errors
    /// The read failed, or more than one fits.
    pub(crate) fn of(&self, stable: &Workload, kind: WorkloadKind) -> Result<Found, Failure> {
        let (namespace, name) = (stable.namespace(), stable.name());
        let labels = match self {
            Self::Named { before, after } => {
                let inner = name
                    .strip_prefix(before.as_str())
                    .and_then(|rest| rest.strip_suffix(after.as_str()));
                if inner.is_some_and(|inner| !inner.is_empty()) {
                    return Ok(Found::Itself);
                }
                let canary = [before, &name, after].map(String::as_str).concat();
                let found = status::workload(kind, &namespace, &canary)?;
                let sought = || format!("{} {namespace}/{canary}", kind.as_str());
                return Ok(found.map_or_else(|| Found::None(sought()), Found::one));
            }
            Self::Labelled(labels) => labels,
        };
        let has = |(key, value): (&String, &String)| stable.label(key).as_ref() == Some(value);
        if labels.has.iter().all(has) {
            return Ok(Found::Itself);
        }
        let Some(shared) = stable.label(&labels.shares) else {
            return Ok(Found::None(format!(
                "a {} that shares the label {}, which this workload does not have",
                kind.as_str(),
                labels.shares
            )));
        };
        let has = labels
            .has
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()));
        let selector = equality_selector(has.chain([(labels.shares.as_str(), shared.as_str())]));
        let selector =
            selector.ok_or_else(|| Failure::unsupported("a label of the canary is not valid"))?;
        let mut found = status::workloads(kind, &namespace, &selector)?;
        match (found.pop(), found.pop()) {
            (None, _) => {
                let kind = kind.as_str();
                Ok(Found::None(format!("a {kind} with the labels {selector}")))
            }
            (Some(one), None) => Ok(Found::one(one)),
            (Some(one), Some(two)) => Err(Failure::unsupported(format!(
                "{one} and {two} both have the labels of the canary, {selector}"
            ))),
        }
    }
}
