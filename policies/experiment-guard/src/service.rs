//! Services of production, and which Pods they select.

use rollgate_sdk::Workload;
use rollgate_sdk::cluster::ClusterError;
use rollgate_sdk::fields::{self, value_of};

use crate::role::Role;
use crate::settings::Settings;

/// A Service: its labels and its selector.
pub(crate) struct Service {
    name: String,
    labels: Vec<(String, String)>,
    selector: Vec<(String, String)>,
}

impl Service {
    /// Lists the Services of a namespace.
    ///
    /// # Errors
    /// The read failed.
    pub(crate) fn list(namespace: &str) -> Result<Vec<Self>, ClusterError> {
        fields::list_fresh("v1", "Service", namespace, "", |service| Self {
            name: service.at("metadata").at("name").text().to_owned(),
            labels: service.at("metadata").at("labels").pairs(),
            selector: service.at("spec").at("selector").pairs(),
        })
    }

    /// Takes over a Service of the rollout.
    pub(crate) fn of(service: &Workload) -> Self {
        Self {
            name: service.name(),
            labels: service.labels(),
            selector: service.selector(),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is one of production.
    pub(crate) fn is_of_production(&self, settings: &Settings) -> bool {
        let value = |key: &str| value_of(&self.labels, key);
        match &settings.production_label {
            Some(label) => value(&label.key) == Some(label.value.as_str()),
            None => Role::by(value, settings).is_none(),
        }
    }

    /// Whether it selects Pods with these labels. Without a selector, it selects none.
    pub(crate) fn selects<'a>(&self, value: impl Fn(&str) -> Option<&'a str>) -> bool {
        let selector = &self.selector;
        let mut terms = selector.iter();
        !selector.is_empty() && terms.all(|(key, wanted)| value(key) == Some(wanted.as_str()))
    }

    /// Returns the selector for people.
    pub(crate) fn selector(&self) -> String {
        let terms = self.selector.iter();
        let terms: Vec<_> = terms
            .map(|(key, value)| [key, "=", value].concat())
            .collect();
        terms.join(",")
    }
}
