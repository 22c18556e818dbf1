//! Defaults of Pod templates.

use serde_json::Value as Json;

use super::{Shape, Value, When, absent, zero};
use crate::defaults::{Object, image};

pub(in crate::defaults) const POD_SPEC: Shape = Shape {
    name: "core/v1 PodSpec",
    source: "pkg/apis/core/v1/defaults.go SetDefaults_PodSpec; the two names of the service account: \
             pkg/apis/core/v1/conversion.go Convert_v1_PodSpec_To_core_PodSpec",
    rows: &[
        zero("dnsPolicy", Value::Text("ClusterFirst")),
        zero("restartPolicy", Value::Text("Always")),
        absent("securityContext", Value::Empty),
        absent("terminationGracePeriodSeconds", Value::Int(30)),
        zero("schedulerName", Value::Text("default-scheduler")),
        zero(
            "serviceAccountName",
            Value::Beside(|pod| named(pod, "serviceAccount")),
        ),
        zero(
            "serviceAccount",
            Value::Beside(|pod| named(pod, "serviceAccountName")),
        ),
    ],
};

pub(in crate::defaults) const CONTAINER: Shape = Shape {
    name: "core/v1 Container",
    source: "pkg/apis/core/v1/defaults.go SetDefaults_Container; `resources` is no pointer, so that the API \
             server always writes it",
    rows: &[
        zero(
            "imagePullPolicy",
            Value::Beside(|container| image::pull_policy(container.get("image"))),
        ),
        zero(
            "terminationMessagePath",
            Value::Text("/dev/termination-log"),
        ),
        zero("terminationMessagePolicy", Value::Text("File")),
        absent("resources", Value::Empty),
    ],
};

pub(in crate::defaults) const CONTAINER_PORT: Shape = Shape {
    name: "core/v1 ContainerPort",
    source: "pkg/apis/core/v1/zz_generated.defaults.go",
    rows: &[zero("protocol", Value::Text("TCP"))],
};

pub(in crate::defaults) const PROBE: Shape = Shape {
    name: "core/v1 Probe",
    source: "pkg/apis/core/v1/defaults.go SetDefaults_Probe",
    rows: &[
        zero("timeoutSeconds", Value::Int(1)),
        zero("periodSeconds", Value::Int(10)),
        zero("successThreshold", Value::Int(1)),
        zero("failureThreshold", Value::Int(3)),
    ],
};

pub(in crate::defaults) const HTTP_GET: Shape = Shape {
    name: "core/v1 HTTPGetAction",
    source: "pkg/apis/core/v1/defaults.go SetDefaults_HTTPGetAction",
    rows: &[
        zero("path", Value::Text("/")),
        zero("scheme", Value::Text("HTTP")),
    ],
};

pub(in crate::defaults) const GRPC: Shape = Shape {
    name: "core/v1 GRPCAction",
    source: "pkg/apis/core/v1/zz_generated.defaults.go",
    rows: &[absent("service", Value::Text(""))],
};

pub(in crate::defaults) const FIELD_REF: Shape = Shape {
    name: "core/v1 ObjectFieldSelector",
    source: "pkg/apis/core/v1/defaults.go SetDefaults_ObjectFieldSelector",
    rows: &[zero("apiVersion", Value::Text("v1"))],
};

pub(in crate::defaults) const RESOURCE_FIELD_REF: Shape = Shape {
    name: "core/v1 ResourceFieldSelector",
    source: "`divisor` is no pointer, so that the API server always writes it \
             (staging/src/k8s.io/api/core/v1/types.go)",
    rows: &[absent("divisor", Value::Text("0"))],
};

pub(in crate::defaults) const FILE_KEY_REF: Shape = Shape {
    name: "core/v1 FileKeySelector",
    source: "pkg/apis/core/v1/zz_generated.defaults.go",
    rows: &[absent("optional", Value::Flag(false))],
};

fn named(object: &Object, field: &str) -> Option<Json> {
    object
        .get(field)
        .filter(|value| !When::Zero.applies(Some(value)))
        .cloned()
}
