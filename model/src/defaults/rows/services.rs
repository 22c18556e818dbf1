//! Defaults of Services.

use serde_json::Value;

use super::{Fill, Shape, absent, zero};
use crate::defaults::Object;

pub(in crate::defaults) const SERVICE_SPEC: Shape = Shape {
    name: "core/v1 ServiceSpec",
    source: "pkg/apis/core/v1/defaults.go SetDefaults_Service",
    rows: &[
        zero("sessionAffinity", Fill::Text("None")),
        zero("type", Fill::Text("ClusterIP")),
        zero(
            "externalTrafficPolicy",
            Fill::Beside(external_traffic_policy),
        ),
        absent(
            "internalTrafficPolicy",
            Fill::Beside(internal_traffic_policy),
        ),
        absent(
            "allocateLoadBalancerNodePorts",
            Fill::Beside(allocate_node_ports),
        ),
    ],
};

pub(in crate::defaults) const SERVICE_PORT: Shape = Shape {
    name: "core/v1 ServicePort",
    source: "pkg/apis/core/v1/defaults.go SetDefaults_Service",
    rows: &[
        zero("protocol", Fill::Text("TCP")),
        zero("targetPort", Fill::Beside(|port| port.get("port").cloned())),
    ],
};

pub(in crate::defaults) const CLIENT_IP_CONFIG: Shape = Shape {
    name: "core/v1 ClientIPConfig",
    source: "pkg/apis/core/v1/defaults.go SetDefaults_Service",
    rows: &[absent("timeoutSeconds", Fill::Int(10800))],
};

fn text(value: &str) -> Option<Value> {
    Some(Value::String(value.to_owned()))
}

fn service_type(spec: &Object) -> &str {
    spec.get("type").and_then(Value::as_str).unwrap_or_default()
}

fn external_traffic_policy(spec: &Object) -> Option<Value> {
    let external_ips = spec.get("externalIPs").and_then(Value::as_array);
    match service_type(spec) {
        "LoadBalancer" | "NodePort" => text("Cluster"),
        "ClusterIP" if external_ips.is_some_and(|ips| !ips.is_empty()) => text("Cluster"),
        _ => None,
    }
}

fn internal_traffic_policy(spec: &Object) -> Option<Value> {
    matches!(
        service_type(spec),
        "ClusterIP" | "NodePort" | "LoadBalancer"
    )
    .then(|| text("Cluster"))?
}

fn allocate_node_ports(spec: &Object) -> Option<Value> {
    (service_type(spec) == "LoadBalancer").then_some(Value::Bool(true))
}
