//! The table of defaults.
//!
//! Sources are files of kubernetes/kubernetes, release 1.35; `zz_generated.defaults.go` holds what
//! stands as a `+default` marker at a field of the API types.

use serde_json::{Map, Number};

use super::{Object, image};

/// The defaults of one type of the API.
#[derive(Debug)]
pub struct Shape {
    /// The type, such as `core/v1 Probe`.
    pub name: &'static str,
    /// Where the defaults come from: a file and its function, or a document.
    pub source: &'static str,
    /// The fields that get a default.
    pub rows: &'static [Row],
}

/// The default of one field.
#[derive(Debug)]
pub struct Row {
    /// The field.
    pub field: &'static str,
    /// What counts as not set.
    pub when: When,
    /// The default.
    pub value: Value,
}

/// When a default applies. An explicit `null` always counts as not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Where the field is absent: the API's type is a pointer, which tells 0 from nothing.
    Absent,
    /// Where the field is absent, empty text or 0: the API's type cannot tell these apart.
    Zero,
}

/// The value of a default.
#[derive(Clone, Copy, Debug)]
pub enum Value {
    /// This text.
    Text(&'static str),
    /// This number.
    Int(i64),
    /// This truth value.
    Flag(bool),
    /// An object without fields.
    Empty,
    /// Told from the fields beside it; `None` gives no default.
    Beside(fn(&Map<String, serde_json::Value>) -> Option<serde_json::Value>),
}

/// All defaults.
pub fn table() -> impl Iterator<Item = &'static Shape> {
    SHAPES.into_iter()
}

/// Fills the defaults of a type into one of its objects.
pub(super) fn apply(shape: &Shape, object: &mut Object) {
    for row in shape.rows {
        if row.when.applies(object.get(row.field))
            && let Some(value) = row.value.make(object)
        {
            object.insert(row.field.to_owned(), value);
        }
    }
}

impl When {
    pub(super) fn applies(self, found: Option<&serde_json::Value>) -> bool {
        match found {
            None | Some(serde_json::Value::Null) => true,
            Some(serde_json::Value::String(text)) => self == Self::Zero && text.is_empty(),
            Some(serde_json::Value::Number(number)) => {
                self == Self::Zero && number.as_i64() == Some(0)
            }
            Some(_) => false,
        }
    }
}

impl Value {
    fn make(self, object: &Object) -> Option<serde_json::Value> {
        Some(match self {
            Self::Text(text) => serde_json::Value::String(text.to_owned()),
            Self::Int(number) => serde_json::Value::Number(Number::from(number)),
            Self::Flag(flag) => serde_json::Value::Bool(flag),
            Self::Empty => serde_json::Value::Object(Map::new()),
            Self::Beside(tell) => return tell(object),
        })
    }
}

const fn absent(field: &'static str, value: Value) -> Row {
    Row {
        field,
        when: When::Absent,
        value,
    }
}

const fn zero(field: &'static str, value: Value) -> Row {
    Row {
        field,
        when: When::Zero,
        value,
    }
}

const SHAPES: [&Shape; 35] = [
    &DEPLOYMENT_SPEC,
    &DEPLOYMENT_STRATEGY,
    &DEPLOYMENT_ROLLING_UPDATE,
    &STATEFUL_SET_SPEC,
    &STATEFUL_SET_ROLLING_UPDATE,
    &CLAIM_RETENTION_POLICY,
    &DAEMON_SET_SPEC,
    &DAEMON_SET_ROLLING_UPDATE,
    &UPDATE_STRATEGY,
    &ARGO_ROLLOUT_SPEC,
    &ARGO_CANARY,
    &SERVICE_SPEC,
    &SERVICE_PORT,
    &CLIENT_IP_CONFIG,
    &POD_SPEC,
    &CONTAINER,
    &CONTAINER_PORT,
    &PROBE,
    &HTTP_GET,
    &GRPC,
    &FIELD_REF,
    &RESOURCE_FIELD_REF,
    &FILE_KEY_REF,
    &VOLUME,
    &VOLUME_WITH_FILES,
    &HOST_PATH,
    &IMAGE_VOLUME,
    &TOKEN_PROJECTION,
    &ISCSI,
    &RBD,
    &AZURE_DISK,
    &SCALE_IO,
    &CLAIM,
    &CLAIM_SPEC,
    &CLAIM_STATUS,
];

pub(super) const DEPLOYMENT_SPEC: Shape = Shape {
    name: "apps/v1 DeploymentSpec",
    source: "pkg/apis/apps/v1/defaults.go SetDefaults_Deployment",
    rows: &[
        absent("replicas", Value::Int(1)),
        absent("revisionHistoryLimit", Value::Int(10)),
        absent("progressDeadlineSeconds", Value::Int(600)),
    ],
};

pub(super) const DEPLOYMENT_STRATEGY: Shape = Shape {
    name: "apps/v1 DeploymentStrategy",
    source: "pkg/apis/apps/v1/defaults.go SetDefaults_Deployment",
    rows: &[zero("type", Value::Text("RollingUpdate"))],
};

pub(super) const DEPLOYMENT_ROLLING_UPDATE: Shape = Shape {
    name: "apps/v1 RollingUpdateDeployment",
    source: "pkg/apis/apps/v1/defaults.go SetDefaults_Deployment",
    rows: &[
        absent("maxUnavailable", Value::Text("25%")),
        absent("maxSurge", Value::Text("25%")),
    ],
};

pub(super) const STATEFUL_SET_SPEC: Shape = Shape {
    name: "apps/v1 StatefulSetSpec",
    source: "pkg/apis/apps/v1/defaults.go SetDefaults_StatefulSet",
    rows: &[
        zero("podManagementPolicy", Value::Text("OrderedReady")),
        absent("replicas", Value::Int(1)),
        absent("revisionHistoryLimit", Value::Int(10)),
    ],
};

pub(super) const STATEFUL_SET_ROLLING_UPDATE: Shape = Shape {
    name: "apps/v1 RollingUpdateStatefulSetStrategy",
    source: "pkg/apis/apps/v1/defaults.go SetDefaults_StatefulSet",
    rows: &[absent("partition", Value::Int(0))],
};

pub(super) const CLAIM_RETENTION_POLICY: Shape = Shape {
    name: "apps/v1 StatefulSetPersistentVolumeClaimRetentionPolicy",
    source: "pkg/apis/apps/v1/defaults.go SetDefaults_StatefulSet",
    rows: &[
        zero("whenDeleted", Value::Text("Retain")),
        zero("whenScaled", Value::Text("Retain")),
    ],
};

pub(super) const DAEMON_SET_SPEC: Shape = Shape {
    name: "apps/v1 DaemonSetSpec",
    source: "pkg/apis/apps/v1/defaults.go SetDefaults_DaemonSet",
    rows: &[absent("revisionHistoryLimit", Value::Int(10))],
};

pub(super) const DAEMON_SET_ROLLING_UPDATE: Shape = Shape {
    name: "apps/v1 RollingUpdateDaemonSet",
    source: "pkg/apis/apps/v1/defaults.go SetDefaults_DaemonSet",
    rows: &[
        absent("maxUnavailable", Value::Int(1)),
        absent("maxSurge", Value::Int(0)),
    ],
};

pub(super) const UPDATE_STRATEGY: Shape = Shape {
    name: "apps/v1 StatefulSetUpdateStrategy and DaemonSetUpdateStrategy",
    source: "pkg/apis/apps/v1/defaults.go SetDefaults_StatefulSet and SetDefaults_DaemonSet",
    rows: &[zero("type", Value::Text("RollingUpdate"))],
};

/// Argo's controller takes these where the object has none; its API server writes none.
pub(super) const ARGO_ROLLOUT_SPEC: Shape = Shape {
    name: "argoproj.io/v1alpha1 RolloutSpec",
    source: "argo-rollouts utils/defaults/defaults.go",
    rows: &[
        absent("replicas", Value::Int(1)),
        absent("revisionHistoryLimit", Value::Int(10)),
        absent("progressDeadlineSeconds", Value::Int(600)),
    ],
};

pub(super) const ARGO_CANARY: Shape = Shape {
    name: "argoproj.io/v1alpha1 CanaryStrategy",
    source: "argo-rollouts docs/features/specification.md",
    rows: &[
        absent("maxUnavailable", Value::Text("25%")),
        absent("maxSurge", Value::Text("25%")),
    ],
};

pub(super) const SERVICE_SPEC: Shape = Shape {
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

pub(super) const SERVICE_PORT: Shape = Shape {
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

pub(super) const CLIENT_IP_CONFIG: Shape = Shape {
    name: "core/v1 ClientIPConfig",
    source: "pkg/apis/core/v1/defaults.go SetDefaults_Service",
    rows: &[absent("timeoutSeconds", Value::Int(10800))],
};

pub(super) const POD_SPEC: Shape = Shape {
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

pub(super) const CONTAINER: Shape = Shape {
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

pub(super) const CONTAINER_PORT: Shape = Shape {
    name: "core/v1 ContainerPort",
    source: "pkg/apis/core/v1/zz_generated.defaults.go",
    rows: &[zero("protocol", Value::Text("TCP"))],
};

pub(super) const PROBE: Shape = Shape {
    name: "core/v1 Probe",
    source: "pkg/apis/core/v1/defaults.go SetDefaults_Probe",
    rows: &[
        zero("timeoutSeconds", Value::Int(1)),
        zero("periodSeconds", Value::Int(10)),
        zero("successThreshold", Value::Int(1)),
        zero("failureThreshold", Value::Int(3)),
    ],
};

pub(super) const HTTP_GET: Shape = Shape {
    name: "core/v1 HTTPGetAction",
    source: "pkg/apis/core/v1/defaults.go SetDefaults_HTTPGetAction",
    rows: &[
        zero("path", Value::Text("/")),
        zero("scheme", Value::Text("HTTP")),
    ],
};

pub(super) const GRPC: Shape = Shape {
    name: "core/v1 GRPCAction",
    source: "pkg/apis/core/v1/zz_generated.defaults.go",
    rows: &[absent("service", Value::Text(""))],
};

pub(super) const FIELD_REF: Shape = Shape {
    name: "core/v1 ObjectFieldSelector",
    source: "pkg/apis/core/v1/defaults.go SetDefaults_ObjectFieldSelector",
    rows: &[zero("apiVersion", Value::Text("v1"))],
};

pub(super) const RESOURCE_FIELD_REF: Shape = Shape {
    name: "core/v1 ResourceFieldSelector",
    source: "`divisor` is no pointer, so that the API server always writes it \
             (staging/src/k8s.io/api/core/v1/types.go)",
    rows: &[absent("divisor", Value::Text("0"))],
};

pub(super) const FILE_KEY_REF: Shape = Shape {
    name: "core/v1 FileKeySelector",
    source: "pkg/apis/core/v1/zz_generated.defaults.go",
    rows: &[absent("optional", Value::Flag(false))],
};

pub(super) const VOLUME: Shape = Shape {
    name: "core/v1 Volume",
    source: "pkg/apis/core/v1/defaults.go SetDefaults_Volume",
    rows: &[absent("emptyDir", Value::Beside(without_source))],
};

pub(super) const VOLUME_WITH_FILES: Shape = Shape {
    name: "core/v1 SecretVolumeSource, ConfigMapVolumeSource, DownwardAPIVolumeSource and ProjectedVolumeSource",
    source: "pkg/apis/core/v1/defaults.go, the function of each (0644)",
    rows: &[absent("defaultMode", Value::Int(0o644))],
};

pub(super) const HOST_PATH: Shape = Shape {
    name: "core/v1 HostPathVolumeSource",
    source: "pkg/apis/core/v1/defaults.go SetDefaults_HostPathVolumeSource",
    rows: &[absent("type", Value::Text(""))],
};

pub(super) const IMAGE_VOLUME: Shape = Shape {
    name: "core/v1 ImageVolumeSource",
    source: "pkg/apis/core/v1/defaults.go SetDefaults_Volume",
    rows: &[zero(
        "pullPolicy",
        Value::Beside(|volume| image::pull_policy(volume.get("reference"))),
    )],
};

pub(super) const TOKEN_PROJECTION: Shape = Shape {
    name: "core/v1 ServiceAccountTokenProjection",
    source: "pkg/apis/core/v1/defaults.go SetDefaults_ServiceAccountTokenProjection",
    rows: &[absent("expirationSeconds", Value::Int(3600))],
};

pub(super) const ISCSI: Shape = Shape {
    name: "core/v1 ISCSIVolumeSource",
    source: "pkg/apis/core/v1/zz_generated.defaults.go",
    rows: &[zero("iscsiInterface", Value::Text("default"))],
};

pub(super) const RBD: Shape = Shape {
    name: "core/v1 RBDVolumeSource",
    source: "pkg/apis/core/v1/zz_generated.defaults.go",
    rows: &[
        zero("pool", Value::Text("rbd")),
        zero("user", Value::Text("admin")),
        zero("keyring", Value::Text("/etc/ceph/keyring")),
    ],
};

pub(super) const AZURE_DISK: Shape = Shape {
    name: "core/v1 AzureDiskVolumeSource",
    source: "pkg/apis/core/v1/zz_generated.defaults.go",
    rows: &[
        absent("cachingMode", Value::Text("ReadWrite")),
        absent("kind", Value::Text("Shared")),
        absent("fsType", Value::Text("ext4")),
        absent("readOnly", Value::Flag(false)),
    ],
};

pub(super) const SCALE_IO: Shape = Shape {
    name: "core/v1 ScaleIOVolumeSource",
    source: "pkg/apis/core/v1/zz_generated.defaults.go",
    rows: &[
        zero("storageMode", Value::Text("ThinProvisioned")),
        zero("fsType", Value::Text("xfs")),
    ],
};

pub(super) const CLAIM: Shape = Shape {
    name: "core/v1 PersistentVolumeClaim of a StatefulSet",
    source: "pkg/apis/apps/v1/conversion.go Convert_apps_StatefulSetSpec_To_v1_StatefulSetSpec",
    rows: &[
        zero("apiVersion", Value::Text("v1")),
        zero("kind", Value::Text("PersistentVolumeClaim")),
    ],
};

pub(super) const CLAIM_SPEC: Shape = Shape {
    name: "core/v1 PersistentVolumeClaimSpec",
    source: "pkg/apis/core/v1/defaults.go SetDefaults_PersistentVolumeClaimSpec; `resources` is no pointer, so \
             that the API server always writes it",
    rows: &[
        absent("volumeMode", Value::Text("Filesystem")),
        absent("resources", Value::Empty),
    ],
};

pub(super) const CLAIM_STATUS: Shape = Shape {
    name: "core/v1 PersistentVolumeClaimStatus",
    source: "pkg/apis/core/v1/defaults.go SetDefaults_PersistentVolumeClaim",
    rows: &[zero("phase", Value::Text("Pending"))],
};

fn text(value: &str) -> Option<serde_json::Value> {
    Some(serde_json::Value::String(value.to_owned()))
}

fn named(object: &Object, field: &str) -> Option<serde_json::Value> {
    object
        .get(field)
        .filter(|value| !When::Zero.applies(Some(value)))
        .cloned()
}

fn service_type(spec: &Object) -> &str {
    spec.get("type")
        .and_then(serde_json::Value::as_str)
        .unwrap_or_default()
}

fn external_traffic_policy(spec: &Object) -> Option<serde_json::Value> {
    let external_ips = spec
        .get("externalIPs")
        .and_then(serde_json::Value::as_array);
    match service_type(spec) {
        "LoadBalancer" | "NodePort" => text("Cluster"),
        "ClusterIP" if external_ips.is_some_and(|ips| !ips.is_empty()) => text("Cluster"),
        _ => None,
    }
}

fn internal_traffic_policy(spec: &Object) -> Option<serde_json::Value> {
    matches!(
        service_type(spec),
        "ClusterIP" | "NodePort" | "LoadBalancer"
    )
    .then(|| text("Cluster"))?
}

fn allocate_node_ports(spec: &Object) -> Option<serde_json::Value> {
    (service_type(spec) == "LoadBalancer").then_some(serde_json::Value::Bool(true))
}

fn without_source(volume: &Object) -> Option<serde_json::Value> {
    let has_source = volume
        .iter()
        .any(|(key, value)| key != "name" && !value.is_null());
    (!has_source).then(|| serde_json::Value::Object(Map::new()))
}
