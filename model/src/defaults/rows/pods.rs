//! Defaults of Pod templates.

use serde_json::Value;

use super::{Fill, Shape, When, absent, zero};
use crate::defaults::{Object, image};

pub(in crate::defaults) const POD_SPEC: Shape = Shape {
    name: "core/v1 PodSpec",
    source: "pkg/apis/core/v1/defaults.go SetDefaults_PodSpec; the two names of the service account: \
             pkg/apis/core/v1/conversion.go Convert_v1_PodSpec_To_core_PodSpec",
    rows: &[
        zero("dnsPolicy", Fill::Text("ClusterFirst")),
        zero("restartPolicy", Fill::Text("Always")),
        absent("securityContext", Fill::Empty),
        absent("terminationGracePeriodSeconds", Fill::Int(30)),
        zero("schedulerName", Fill::Text("default-scheduler")),
        zero(
            "serviceAccountName",
            Fill::Beside(|pod| named(pod, "serviceAccount")),
        ),
        zero(
            "serviceAccount",
            Fill::Beside(|pod| named(pod, "serviceAccountName")),
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
            Fill::Beside(|container| image::pull_policy(container.get("image"))),
        ),
        zero("terminationMessagePath", Fill::Text("/dev/termination-log")),
        zero("terminationMessagePolicy", Fill::Text("File")),
        absent("resources", Fill::Empty),
    ],
};

pub(in crate::defaults) const CONTAINER_PORT: Shape = Shape {
    name: "core/v1 ContainerPort",
    source: "pkg/apis/core/v1/zz_generated.defaults.go",
    rows: &[zero("protocol", Fill::Text("TCP"))],
};

pub(in crate::defaults) const PROBE: Shape = Shape {
    name: "core/v1 Probe",
    source: "pkg/apis/core/v1/defaults.go SetDefaults_Probe",
    rows: &[
        zero("timeoutSeconds", Fill::Int(1)),
        zero("periodSeconds", Fill::Int(10)),
        zero("successThreshold", Fill::Int(1)),
        zero("failureThreshold", Fill::Int(3)),
    ],
};

pub(in crate::defaults) const HTTP_GET: Shape = Shape {
    name: "core/v1 HTTPGetAction",
    source: "pkg/apis/core/v1/defaults.go SetDefaults_HTTPGetAction",
    rows: &[
        zero("path", Fill::Text("/")),
        zero("scheme", Fill::Text("HTTP")),
    ],
};

pub(in crate::defaults) const GRPC: Shape = Shape {
    name: "core/v1 GRPCAction",
    source: "pkg/apis/core/v1/zz_generated.defaults.go",
    rows: &[absent("service", Fill::Text(""))],
};

pub(in crate::defaults) const FIELD_REF: Shape = Shape {
    name: "core/v1 ObjectFieldSelector",
    source: "pkg/apis/core/v1/defaults.go SetDefaults_ObjectFieldSelector",
    rows: &[zero("apiVersion", Fill::Text("v1"))],
};

pub(in crate::defaults) const RESOURCE_FIELD_REF: Shape = Shape {
    name: "core/v1 ResourceFieldSelector",
    source: "`divisor` is no pointer, so that the API server always writes it \
             (staging/src/k8s.io/api/core/v1/types.go)",
    rows: &[absent("divisor", Fill::Text("0"))],
};

pub(in crate::defaults) const FILE_KEY_REF: Shape = Shape {
    name: "core/v1 FileKeySelector",
    source: "pkg/apis/core/v1/zz_generated.defaults.go",
    rows: &[absent("optional", Fill::Flag(false))],
};

fn named(object: &Object, field: &str) -> Option<Value> {
    object
        .get(field)
        .filter(|value| !When::Zero.applies(Some(value)))
        .cloned()
}
