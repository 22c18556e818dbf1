//! Services.

use super::Neighbour;
use super::fields::{Scalar, or_default};
use super::selector::value_of;
use crate::IntOrString;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A Service.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.labels`.
    pub labels: BTreeMap<String, String>,
    /// `metadata.annotations`.
    pub annotations: BTreeMap<String, String>,
    /// `spec.selector`; empty where it selects no Pods.
    pub selector: BTreeMap<String, String>,
    /// `spec.type`: `ClusterIP`, `NodePort`, `LoadBalancer` or `ExternalName`.
    pub service_type: String,
    /// Whether `spec.clusterIP` is `None`: clients see the addresses of the Pods.
    pub headless: bool,
    /// `spec.publishNotReadyAddresses`: it sends traffic to Pods that are not ready, too.
    pub publish_not_ready_addresses: bool,
    /// `spec.ports`.
    pub ports: Vec<ServicePort>,
}

/// A port of a Service.
#[derive(Clone, Debug, PartialEq)]
pub struct ServicePort {
    /// `name`, where set.
    pub name: Option<String>,
    /// `port`.
    pub port: i32,
    /// `targetPort`: a number, or the name of a declared port of a container. `port` where it is not
    /// set.
    pub target_port: IntOrString,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: String,
}

impl Service {
    /// Returns whether it sends traffic to Pods with these labels. One without a selector, or of the
    /// type `ExternalName`, selects none.
    #[must_use]
    pub fn selects(&self, labels: &[(String, String)]) -> bool {
        let mut pairs = self.selector.iter();
        self.service_type != "ExternalName"
            && !self.selector.is_empty()
            && pairs.all(|(key, value)| value_of(labels, key) == Some(value))
    }
}

#[derive(Deserialize)]
pub(super) struct Object {
    metadata: Metadata,
    #[serde(default, deserialize_with = "or_default")]
    spec: Spec,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
    #[serde(default, deserialize_with = "or_default")]
    namespace: String,
    #[serde(default, deserialize_with = "or_default")]
    labels: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "or_default")]
    annotations: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    #[serde(deserialize_with = "or_default")]
    selector: BTreeMap<String, String>,
    r#type: Option<String>,
    #[serde(rename = "clusterIP")]
    cluster_ip: Option<String>,
    #[serde(deserialize_with = "or_default")]
    publish_not_ready_addresses: bool,
    #[serde(deserialize_with = "or_default")]
    ports: Vec<Port>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Port {
    name: Option<String>,
    /// Required by the API server. A manifest without it must not fail every workload beside it.
    #[serde(default)]
    port: i32,
    target_port: Option<Scalar>,
    protocol: Option<String>,
}

impl Neighbour<Service> for Object {
    fn namespace(&self) -> &str {
        &self.metadata.namespace
    }

    fn into_neighbour(self) -> Service {
        let Self { metadata, spec } = self;
        let port = |port: Port| ServicePort {
            name: port.name,
            port: port.port,
            target_port: port
                .target_port
                .map_or(IntOrString::Int(port.port), |it| it.0),
            protocol: port.protocol.unwrap_or_else(|| "TCP".to_owned()),
        };
        Service {
            name: metadata.name,
            labels: metadata.labels,
            annotations: metadata.annotations,
            selector: spec.selector,
            service_type: spec.r#type.unwrap_or_else(|| "ClusterIP".to_owned()),
            headless: spec.cluster_ip.as_deref() == Some("None"),
            publish_not_ready_addresses: spec.publish_not_ready_addresses,
            ports: spec.ports.into_iter().map(port).collect(),
        }
    }
}
