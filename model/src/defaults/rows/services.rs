//! Defaults of Services.

use serde_json::Value as Json;

use super::{Shape, Value, absent, zero};
use crate::defaults::Object;

pub(in crate::defaults) const SERVICE_SPEC: Shape = Shape {
    name: "core/v1 ServiceSpec",
    source: "pkg/apis/core/v1/defaults.go SetDefaults_Service",
    rows: &[
        zero("sessionAffinity", Value::Text("None")),
        zero("type", Value::Text("ClusterIP")),
        zero(
            "externalTrafficPolicy",
            Value::Beside(external_traffic_policy),
        ),
        absent(
            "internalTrafficPolicy",
            Value::Beside(internal_traffic_policy),
        ),
        absent(
            "allocateLoadBalancerNodePorts",
            Value::Beside(allocate_node_ports),
        ),
    ],
};

pub(in crate::defaults) const SERVICE_PORT: Shape = Shape {
    name: "core/v1 ServicePort",
    source: "pkg/apis/core/v1/defaults.go SetDefaults_Service",
    rows: &[
        zero("protocol", Value::Text("TCP")),
        zero(
            "targetPort",
            Value::Beside(|port| port.get("port").cloned()),
        ),
    ],
};

pub(in crate::defaults) const CLIENT_IP_CONFIG: Shape = Shape {
    name: "core/v1 ClientIPConfig",
    source: "pkg/apis/core/v1/defaults.go SetDefaults_Service",
    rows: &[absent("timeoutSeconds", Value::Int(10800))],
};

fn text(value: &str) -> Option<Json> {
    Some(Json::String(value.to_owned()))
}

fn service_type(spec: &Object) -> &str {
    spec.get("type").and_then(Json::as_str).unwrap_or_default()
}

fn external_traffic_policy(spec: &Object) -> Option<Json> {
    let external_ips = spec.get("externalIPs").and_then(Json::as_array);
    match service_type(spec) {
        "LoadBalancer" | "NodePort" => text("Cluster"),
        "ClusterIP" if external_ips.is_some_and(|ips| !ips.is_empty()) => text("Cluster"),
        _ => None,
    }
}

fn internal_traffic_policy(spec: &Object) -> Option<Json> {
    matches!(
        service_type(spec),
        "ClusterIP" | "NodePort" | "LoadBalancer"
    )
    .then(|| text("Cluster"))?
}

fn allocate_node_ports(spec: &Object) -> Option<Json> {
    (service_type(spec) == "LoadBalancer").then_some(Json::Bool(true))
}
