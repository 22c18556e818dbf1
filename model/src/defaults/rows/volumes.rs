//! Defaults of volumes and of claims for them.

use serde_json::Value;

use super::{Fill, Shape, absent, zero};
use crate::defaults::{Object, image};

pub(in crate::defaults) const VOLUME: Shape = Shape {
    name: "core/v1 Volume",
    source: "pkg/apis/core/v1/defaults.go SetDefaults_Volume",
    rows: &[absent("emptyDir", Fill::Beside(without_source))],
};

pub(in crate::defaults) const VOLUME_WITH_FILES: Shape = Shape {
    name: "core/v1 SecretVolumeSource, ConfigMapVolumeSource, DownwardAPIVolumeSource and ProjectedVolumeSource",
    source: "pkg/apis/core/v1/defaults.go, the function of each (0644)",
    rows: &[absent("defaultMode", Fill::Int(0o644))],
};

pub(in crate::defaults) const HOST_PATH: Shape = Shape {
    name: "core/v1 HostPathVolumeSource",
    source: "pkg/apis/core/v1/defaults.go SetDefaults_HostPathVolumeSource",
    rows: &[absent("type", Fill::Text(""))],
};

pub(in crate::defaults) const IMAGE_VOLUME: Shape = Shape {
    name: "core/v1 ImageVolumeSource",
    source: "pkg/apis/core/v1/defaults.go SetDefaults_Volume",
    rows: &[zero(
        "pullPolicy",
        Fill::Beside(|volume| image::pull_policy(volume.get("reference"))),
    )],
};

pub(in crate::defaults) const TOKEN_PROJECTION: Shape = Shape {
    name: "core/v1 ServiceAccountTokenProjection",
    source: "pkg/apis/core/v1/defaults.go SetDefaults_ServiceAccountTokenProjection",
    rows: &[absent("expirationSeconds", Fill::Int(3600))],
};

pub(in crate::defaults) const ISCSI: Shape = Shape {
    name: "core/v1 ISCSIVolumeSource",
    source: "pkg/apis/core/v1/zz_generated.defaults.go",
    rows: &[zero("iscsiInterface", Fill::Text("default"))],
};

pub(in crate::defaults) const RBD: Shape = Shape {
    name: "core/v1 RBDVolumeSource",
    source: "pkg/apis/core/v1/zz_generated.defaults.go",
    rows: &[
        zero("pool", Fill::Text("rbd")),
        zero("user", Fill::Text("admin")),
        zero("keyring", Fill::Text("/etc/ceph/keyring")),
    ],
};

pub(in crate::defaults) const AZURE_DISK: Shape = Shape {
    name: "core/v1 AzureDiskVolumeSource",
    source: "pkg/apis/core/v1/zz_generated.defaults.go",
    rows: &[
        absent("cachingMode", Fill::Text("ReadWrite")),
        absent("kind", Fill::Text("Shared")),
        absent("fsType", Fill::Text("ext4")),
        absent("readOnly", Fill::Flag(false)),
    ],
};

pub(in crate::defaults) const SCALE_IO: Shape = Shape {
    name: "core/v1 ScaleIOVolumeSource",
    source: "pkg/apis/core/v1/zz_generated.defaults.go",
    rows: &[
        zero("storageMode", Fill::Text("ThinProvisioned")),
        zero("fsType", Fill::Text("xfs")),
    ],
};

pub(in crate::defaults) const CLAIM_TEMPLATE: Shape = Shape {
    name: "core/v1 PersistentVolumeClaimTemplate",
    source: "staging/src/k8s.io/api/core/v1/types.go: a struct is written even when it is empty",
    rows: &[absent("metadata", Fill::Empty)],
};

pub(in crate::defaults) const CLAIM: Shape = Shape {
    name: "core/v1 PersistentVolumeClaim of a StatefulSet",
    source: "pkg/apis/apps/v1/conversion.go Convert_apps_StatefulSetSpec_To_v1_StatefulSetSpec",
    rows: &[
        zero("apiVersion", Fill::Text("v1")),
        zero("kind", Fill::Text("PersistentVolumeClaim")),
    ],
};

pub(in crate::defaults) const CLAIM_SPEC: Shape = Shape {
    name: "core/v1 PersistentVolumeClaimSpec",
    source: "pkg/apis/core/v1/defaults.go SetDefaults_PersistentVolumeClaimSpec; `resources` is no pointer, so \
             that the API server always writes it",
    rows: &[
        absent("volumeMode", Fill::Text("Filesystem")),
        absent("resources", Fill::Empty),
    ],
};

pub(in crate::defaults) const CLAIM_STATUS: Shape = Shape {
    name: "core/v1 PersistentVolumeClaimStatus",
    source: "pkg/apis/core/v1/defaults.go SetDefaults_PersistentVolumeClaim",
    rows: &[zero("phase", Fill::Text("Pending"))],
};

fn without_source(volume: &Object) -> Option<Value> {
    let has_source = volume
        .iter()
        .any(|(key, value)| key != "name" && !value.is_null());
    (!has_source).then(|| Value::Object(Object::new()))
}
