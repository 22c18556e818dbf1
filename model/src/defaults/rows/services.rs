//! Defaults of Services.

use crate::json::Value;

use super::{DefaultValue, TypeDefaults, absent, zero};
use crate::defaults::Object;

pub(in crate::defaults) const SERVICE_SPEC: TypeDefaults = TypeDefaults {
    name: "core/v1 ServiceSpec",
    source: "pkg/apis/core/v1/defaults.go SetDefaults_Service",
    rows: &[
        zero("sessionAffinity", DefaultValue::Text("None")),
        zero("type", DefaultValue::Text("ClusterIP")),
        zero(
            "externalTrafficPolicy",
            DefaultValue::Beside(external_traffic_policy),
        ),
        absent(
            "internalTrafficPolicy",
            DefaultValue::Beside(internal_traffic_policy),
        ),
        absent(
            "allocateLoadBalancerNodePorts",
            DefaultValue::Beside(allocate_node_ports),
        ),
    ],
};

pub(in crate::defaults) const SERVICE_PORT: TypeDefaults = TypeDefaults {
    name: "core/v1 ServicePort",
    source: "pkg/apis/core/v1/defaults.go SetDefaults_Service",
    rows: &[
        zero("protocol", DefaultValue::Text("TCP")),
        zero(
            "targetPort",
            DefaultValue::Beside(|port| port.get("port").cloned()),
        ),
    ],
};

pub(in crate::defaults) const CLIENT_IP_CONFIG: TypeDefaults = TypeDefaults {
    name: "core/v1 ClientIPConfig",
    source: "pkg/apis/core/v1/defaults.go SetDefaults_Service",
    rows: &[absent("timeoutSeconds", DefaultValue::Int(10800))],
};

fn text(value: &str) -> Option<Value> {
    Some(value.into())
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
