//! Services of production, and which Pods they select.

use std::collections::BTreeMap;

use rollgate_sdk::{Workload, cluster, cluster::ClusterError};
use serde::Deserialize;

use crate::role::Role;
use crate::settings::Settings;

/// A Service: its labels and its selector.
#[derive(Deserialize)]
pub(crate) struct Service {
    metadata: Metadata,
    #[serde(default)]
    spec: Spec,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Metadata {
    name: String,
    labels: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Spec {
    selector: BTreeMap<String, String>,
}

impl Service {
    /// Lists the Services of a namespace.
    ///
    /// # Errors
    /// The read failed.
    pub(crate) fn list(namespace: &str) -> Result<Vec<Self>, ClusterError> {
        cluster::list_fresh("v1", "Service", namespace, "")
    }

    /// Takes over a Service of the rollout.
    pub(crate) fn of(service: &Workload) -> Self {
        Self {
            metadata: Metadata {
                name: service.name(),
                labels: service.labels().into_iter().collect(),
            },
            spec: Spec {
                selector: service.selector().into_iter().collect(),
            },
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.metadata.name
    }

    /// Whether it is one of production.
    pub(crate) fn is_of_production(&self, settings: &Settings) -> bool {
        let value = |key: &str| self.metadata.labels.get(key).map(String::as_str);
        match &settings.production_label {
            Some(label) => value(&label.key) == Some(label.value.as_str()),
            None => Role::by(value, settings).is_none(),
        }
    }

    /// Whether it selects Pods with these labels. Without a selector, it selects none.
    pub(crate) fn selects<'a>(&self, value: impl Fn(&str) -> Option<&'a str>) -> bool {
        let selector = &self.spec.selector;
        let mut terms = selector.iter();
        !selector.is_empty() && terms.all(|(key, wanted)| value(key) == Some(wanted.as_str()))
    }

    /// Returns the selector for people.
    pub(crate) fn selector(&self) -> String {
        let terms = self.spec.selector.iter();
        let terms: Vec<_> = terms
            .map(|(key, value)| [key, "=", value].concat())
            .collect();
        terms.join(",")
    }
}
