//! Defaults of volumes and of claims for them.

use crate::json::Value;

use super::{DefaultValue, TypeDefaults, absent, zero};
use crate::defaults::{Object, image};

pub(in crate::defaults) const VOLUME: TypeDefaults = TypeDefaults {
    name: "core/v1 Volume",
    source: "pkg/apis/core/v1/defaults.go SetDefaults_Volume",
    rows: &[absent("emptyDir", DefaultValue::Beside(without_source))],
};

pub(in crate::defaults) const VOLUME_WITH_FILES: TypeDefaults = TypeDefaults {
    name: "core/v1 SecretVolumeSource, ConfigMapVolumeSource, DownwardAPIVolumeSource and ProjectedVolumeSource",
    source: "pkg/apis/core/v1/defaults.go, the function of each (0644)",
    rows: &[absent("defaultMode", DefaultValue::Int(0o644))],
};

pub(in crate::defaults) const HOST_PATH: TypeDefaults = TypeDefaults {
    name: "core/v1 HostPathVolumeSource",
    source: "pkg/apis/core/v1/defaults.go SetDefaults_HostPathVolumeSource",
    rows: &[absent("type", DefaultValue::Text(""))],
};

pub(in crate::defaults) const IMAGE_VOLUME: TypeDefaults = TypeDefaults {
    name: "core/v1 ImageVolumeSource",
    source: "pkg/apis/core/v1/defaults.go SetDefaults_Volume",
    rows: &[zero(
        "pullPolicy",
        DefaultValue::Beside(|volume| image::pull_policy(volume.get("reference"))),
    )],
};

pub(in crate::defaults) const TOKEN_PROJECTION: TypeDefaults = TypeDefaults {
    name: "core/v1 ServiceAccountTokenProjection",
    source: "pkg/apis/core/v1/defaults.go SetDefaults_ServiceAccountTokenProjection",
    rows: &[absent("expirationSeconds", DefaultValue::Int(3600))],
};

pub(in crate::defaults) const ISCSI: TypeDefaults = TypeDefaults {
    name: "core/v1 ISCSIVolumeSource",
    source: "pkg/apis/core/v1/zz_generated.defaults.go",
    rows: &[zero("iscsiInterface", DefaultValue::Text("default"))],
};

pub(in crate::defaults) const RBD: TypeDefaults = TypeDefaults {
    name: "core/v1 RBDVolumeSource",
    source: "pkg/apis/core/v1/zz_generated.defaults.go",
    rows: &[
        zero("pool", DefaultValue::Text("rbd")),
        zero("user", DefaultValue::Text("admin")),
        zero("keyring", DefaultValue::Text("/etc/ceph/keyring")),
    ],
};

pub(in crate::defaults) const AZURE_DISK: TypeDefaults = TypeDefaults {
    name: "core/v1 AzureDiskVolumeSource",
    source: "pkg/apis/core/v1/zz_generated.defaults.go",
    rows: &[
        absent("cachingMode", DefaultValue::Text("ReadWrite")),
        absent("kind", DefaultValue::Text("Shared")),
        absent("fsType", DefaultValue::Text("ext4")),
        absent("readOnly", DefaultValue::Flag(false)),
    ],
};

pub(in crate::defaults) const SCALE_IO: TypeDefaults = TypeDefaults {
    name: "core/v1 ScaleIOVolumeSource",
    source: "pkg/apis/core/v1/zz_generated.defaults.go",
    rows: &[
        zero("storageMode", DefaultValue::Text("ThinProvisioned")),
        zero("fsType", DefaultValue::Text("xfs")),
    ],
};

pub(in crate::defaults) const CLAIM_TEMPLATE: TypeDefaults = TypeDefaults {
    name: "core/v1 PersistentVolumeClaimTemplate",
    source: "staging/src/k8s.io/api/core/v1/types.go: a struct is written even when it is empty",
    rows: &[absent("metadata", DefaultValue::Empty)],
};

pub(in crate::defaults) const CLAIM: TypeDefaults = TypeDefaults {
    name: "core/v1 PersistentVolumeClaim of a StatefulSet",
    source: "pkg/apis/apps/v1/conversion.go Convert_apps_StatefulSetSpec_To_v1_StatefulSetSpec",
    rows: &[
        zero("apiVersion", DefaultValue::Text("v1")),
        zero("kind", DefaultValue::Text("PersistentVolumeClaim")),
    ],
};

pub(in crate::defaults) const CLAIM_SPEC: TypeDefaults = TypeDefaults {
    name: "core/v1 PersistentVolumeClaimSpec",
    source: "pkg/apis/core/v1/defaults.go SetDefaults_PersistentVolumeClaimSpec; `resources` is no pointer, so \
             that the API server always writes it",
    rows: &[
        absent("volumeMode", DefaultValue::Text("Filesystem")),
        absent("resources", DefaultValue::Empty),
    ],
};

pub(in crate::defaults) const CLAIM_STATUS: TypeDefaults = TypeDefaults {
    name: "core/v1 PersistentVolumeClaimStatus",
    source: "pkg/apis/core/v1/defaults.go SetDefaults_PersistentVolumeClaim",
    rows: &[zero("phase", DefaultValue::Text("Pending"))],
};

fn without_source(volume: &Object) -> Option<Value> {
    let has_source = volume
        .iter()
        .any(|(key, value)| key != "name" && !value.is_null());
    (!has_source).then(|| Value::Object(Object::new()))
}
