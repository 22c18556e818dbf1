//! Defaults of Pod templates.

use crate::json::Value;

use super::{DefaultValue, TypeDefaults, When, absent, zero};
use crate::defaults::{Object, image};

pub(in crate::defaults) const POD_SPEC: TypeDefaults = TypeDefaults {
    name: "core/v1 PodSpec",
    source: "pkg/apis/core/v1/defaults.go SetDefaults_PodSpec; the two names of the service account: \
             pkg/apis/core/v1/conversion.go Convert_v1_PodSpec_To_core_PodSpec",
    rows: &[
        zero("dnsPolicy", DefaultValue::Text("ClusterFirst")),
        zero("restartPolicy", DefaultValue::Text("Always")),
        absent("securityContext", DefaultValue::Empty),
        absent("terminationGracePeriodSeconds", DefaultValue::Int(30)),
        zero("schedulerName", DefaultValue::Text("default-scheduler")),
        zero(
            "serviceAccountName",
            DefaultValue::Beside(|pod| named(pod, "serviceAccount")),
        ),
        zero(
            "serviceAccount",
            DefaultValue::Beside(|pod| named(pod, "serviceAccountName")),
        ),
    ],
};

pub(in crate::defaults) const CONTAINER: TypeDefaults = TypeDefaults {
    name: "core/v1 Container",
    source: "pkg/apis/core/v1/defaults.go SetDefaults_Container; `resources` is no pointer, so that the API \
             server always writes it",
    rows: &[
        zero(
            "imagePullPolicy",
            DefaultValue::Beside(|container| image::pull_policy(container.get("image"))),
        ),
        zero(
            "terminationMessagePath",
            DefaultValue::Text("/dev/termination-log"),
        ),
        zero("terminationMessagePolicy", DefaultValue::Text("File")),
        absent("resources", DefaultValue::Empty),
    ],
};

pub(in crate::defaults) const CONTAINER_PORT: TypeDefaults = TypeDefaults {
    name: "core/v1 ContainerPort",
    source: "pkg/apis/core/v1/zz_generated.defaults.go",
    rows: &[zero("protocol", DefaultValue::Text("TCP"))],
};

pub(in crate::defaults) const PROBE: TypeDefaults = TypeDefaults {
    name: "core/v1 Probe",
    source: "pkg/apis/core/v1/defaults.go SetDefaults_Probe",
    rows: &[
        zero("timeoutSeconds", DefaultValue::Int(1)),
        zero("periodSeconds", DefaultValue::Int(10)),
        zero("successThreshold", DefaultValue::Int(1)),
        zero("failureThreshold", DefaultValue::Int(3)),
    ],
};

pub(in crate::defaults) const HTTP_GET: TypeDefaults = TypeDefaults {
    name: "core/v1 HTTPGetAction",
    source: "pkg/apis/core/v1/defaults.go SetDefaults_HTTPGetAction",
    rows: &[
        zero("path", DefaultValue::Text("/")),
        zero("scheme", DefaultValue::Text("HTTP")),
    ],
};

pub(in crate::defaults) const GRPC: TypeDefaults = TypeDefaults {
    name: "core/v1 GRPCAction",
    source: "pkg/apis/core/v1/zz_generated.defaults.go",
    rows: &[absent("service", DefaultValue::Text(""))],
};

pub(in crate::defaults) const FIELD_REF: TypeDefaults = TypeDefaults {
    name: "core/v1 ObjectFieldSelector",
    source: "pkg/apis/core/v1/defaults.go SetDefaults_ObjectFieldSelector",
    rows: &[zero("apiVersion", DefaultValue::Text("v1"))],
};

pub(in crate::defaults) const RESOURCE_FIELD_REF: TypeDefaults = TypeDefaults {
    name: "core/v1 ResourceFieldSelector",
    source: "`divisor` is no pointer, so that the API server always writes it \
             (staging/src/k8s.io/api/core/v1/types.go)",
    rows: &[absent("divisor", DefaultValue::Text("0"))],
};

pub(in crate::defaults) const FILE_KEY_REF: TypeDefaults = TypeDefaults {
    name: "core/v1 FileKeySelector",
    source: "pkg/apis/core/v1/zz_generated.defaults.go",
    rows: &[absent("optional", DefaultValue::Flag(false))],
};

fn named(object: &Object, field: &str) -> Option<Value> {
    object
        .get(field)
        .filter(|value| !When::Zero.applies(Some(value)))
        .cloned()
}
