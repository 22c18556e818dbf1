//! Defaults of volumes and of claims for them.

use serde_json::Value as Json;

use super::{Shape, Value, absent, zero};
use crate::defaults::{Object, image};

pub(in crate::defaults) const VOLUME: Shape = Shape {
    name: "core/v1 Volume",
    source: "pkg/apis/core/v1/defaults.go SetDefaults_Volume",
    rows: &[absent("emptyDir", Value::Beside(without_source))],
};

pub(in crate::defaults) const VOLUME_WITH_FILES: Shape = Shape {
    name: "core/v1 SecretVolumeSource, ConfigMapVolumeSource, DownwardAPIVolumeSource and ProjectedVolumeSource",
    source: "pkg/apis/core/v1/defaults.go, the function of each (0644)",
    rows: &[absent("defaultMode", Value::Int(0o644))],
};

pub(in crate::defaults) const HOST_PATH: Shape = Shape {
    name: "core/v1 HostPathVolumeSource",
    source: "pkg/apis/core/v1/defaults.go SetDefaults_HostPathVolumeSource",
    rows: &[absent("type", Value::Text(""))],
};

pub(in crate::defaults) const IMAGE_VOLUME: Shape = Shape {
    name: "core/v1 ImageVolumeSource",
    source: "pkg/apis/core/v1/defaults.go SetDefaults_Volume",
    rows: &[zero(
        "pullPolicy",
        Value::Beside(|volume| image::pull_policy(volume.get("reference"))),
    )],
};

pub(in crate::defaults) const TOKEN_PROJECTION: Shape = Shape {
    name: "core/v1 ServiceAccountTokenProjection",
    source: "pkg/apis/core/v1/defaults.go SetDefaults_ServiceAccountTokenProjection",
    rows: &[absent("expirationSeconds", Value::Int(3600))],
};

pub(in crate::defaults) const ISCSI: Shape = Shape {
    name: "core/v1 ISCSIVolumeSource",
    source: "pkg/apis/core/v1/zz_generated.defaults.go",
    rows: &[zero("iscsiInterface", Value::Text("default"))],
};

pub(in crate::defaults) const RBD: Shape = Shape {
    name: "core/v1 RBDVolumeSource",
    source: "pkg/apis/core/v1/zz_generated.defaults.go",
    rows: &[
        zero("pool", Value::Text("rbd")),
        zero("user", Value::Text("admin")),
        zero("keyring", Value::Text("/etc/ceph/keyring")),
    ],
};

pub(in crate::defaults) const AZURE_DISK: Shape = Shape {
    name: "core/v1 AzureDiskVolumeSource",
    source: "pkg/apis/core/v1/zz_generated.defaults.go",
    rows: &[
        absent("cachingMode", Value::Text("ReadWrite")),
        absent("kind", Value::Text("Shared")),
        absent("fsType", Value::Text("ext4")),
        absent("readOnly", Value::Flag(false)),
    ],
};

pub(in crate::defaults) const SCALE_IO: Shape = Shape {
    name: "core/v1 ScaleIOVolumeSource",
    source: "pkg/apis/core/v1/zz_generated.defaults.go",
    rows: &[
        zero("storageMode", Value::Text("ThinProvisioned")),
        zero("fsType", Value::Text("xfs")),
    ],
};

pub(in crate::defaults) const CLAIM: Shape = Shape {
    name: "core/v1 PersistentVolumeClaim of a StatefulSet",
    source: "pkg/apis/apps/v1/conversion.go Convert_apps_StatefulSetSpec_To_v1_StatefulSetSpec",
    rows: &[
        zero("apiVersion", Value::Text("v1")),
        zero("kind", Value::Text("PersistentVolumeClaim")),
    ],
};

pub(in crate::defaults) const CLAIM_SPEC: Shape = Shape {
    name: "core/v1 PersistentVolumeClaimSpec",
    source: "pkg/apis/core/v1/defaults.go SetDefaults_PersistentVolumeClaimSpec; `resources` is no pointer, so \
             that the API server always writes it",
    rows: &[
        absent("volumeMode", Value::Text("Filesystem")),
        absent("resources", Value::Empty),
    ],
};

pub(in crate::defaults) const CLAIM_STATUS: Shape = Shape {
    name: "core/v1 PersistentVolumeClaimStatus",
    source: "pkg/apis/core/v1/defaults.go SetDefaults_PersistentVolumeClaim",
    rows: &[zero("phase", Value::Text("Pending"))],
};

fn without_source(volume: &Object) -> Option<Json> {
    let has_source = volume
        .iter()
        .any(|(key, value)| key != "name" && !value.is_null());
    (!has_source).then(|| Json::Object(Object::new()))
}
