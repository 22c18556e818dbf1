//! A policy that reads the cluster: rollouts are allowed while no ConfigMap that it reads says `is:
//! closed`.

use std::collections::BTreeMap;

use rollgate_sdk::cluster::{self, ClusterError};
use rollgate_sdk::{Failure, Finding, Policy, Rollout, SettingsError, Verdict};
use schemars::JsonSchema;
use serde::Deserialize;

/// Which ConfigMaps to read.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    /// The host function to call, with a name or a label selector.
    read: Read,
    /// The namespace; empty for all.
    #[serde(default)]
    namespace: String,
}

/// A host function.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
enum Read {
    Get(String),
    GetFresh(String),
    List(String),
    ListFresh(String),
}

/// The fields of a ConfigMap.
#[derive(Deserialize)]
struct ConfigMap {
    metadata: Metadata,
    #[serde(default)]
    data: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
    namespace: String,
}

/// The policy.
pub struct Reader(Settings);

rollgate_sdk::export!(Reader);

impl Policy for Reader {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, SettingsError> {
        Ok(Self(settings))
    }

    fn evaluate(&self, _: &Rollout) -> Result<Verdict, Failure> {
        let found = self.0.read.all_in(&self.0.namespace)?;
        let mut closed = found
            .iter()
            .filter(|map| map.data.get("is").is_some_and(|word| word == "closed"));
        let Some(ConfigMap { metadata, .. }) = closed.next() else {
            return Ok(Verdict::allow());
        };
        let message = format!("{}/{} is closed", metadata.namespace, metadata.name);
        Ok(Verdict::deny(Finding::deny("closed", "", message)))
    }
}

impl Read {
    fn all_in(&self, namespace: &str) -> Result<Vec<ConfigMap>, ClusterError> {
        let (api_version, kind) = ("v1", "ConfigMap");
        match self {
            Self::Get(name) => {
                cluster::get(api_version, kind, namespace, name).map(|map| vec![map])
            }
            Self::GetFresh(name) => {
                cluster::get_fresh(api_version, kind, namespace, name).map(|map| vec![map])
            }
            Self::List(selector) => cluster::list(api_version, kind, namespace, selector),
            Self::ListFresh(selector) => {
                cluster::list_fresh(api_version, kind, namespace, selector)
            }
        }
    }
}
