//! Defaults of the workloads themselves.

use super::{DefaultValue, TypeDefaults, absent, zero};

pub(in crate::defaults) const DEPLOYMENT_SPEC: TypeDefaults = TypeDefaults {
    name: "apps/v1 DeploymentSpec",
    source: "pkg/apis/apps/v1/defaults.go SetDefaults_Deployment",
    rows: &[
        absent("replicas", DefaultValue::Int(1)),
        absent("revisionHistoryLimit", DefaultValue::Int(10)),
        absent("progressDeadlineSeconds", DefaultValue::Int(600)),
    ],
};

pub(in crate::defaults) const DEPLOYMENT_STRATEGY: TypeDefaults = TypeDefaults {
    name: "apps/v1 DeploymentStrategy",
    source: "pkg/apis/apps/v1/defaults.go SetDefaults_Deployment",
    rows: &[zero("type", DefaultValue::Text("RollingUpdate"))],
};

pub(in crate::defaults) const DEPLOYMENT_ROLLING_UPDATE: TypeDefaults = TypeDefaults {
    name: "apps/v1 RollingUpdateDeployment",
    source: "pkg/apis/apps/v1/defaults.go SetDefaults_Deployment",
    rows: &[
        absent("maxUnavailable", DefaultValue::Text("25%")),
        absent("maxSurge", DefaultValue::Text("25%")),
    ],
};

pub(in crate::defaults) const STATEFUL_SET_SPEC: TypeDefaults = TypeDefaults {
    name: "apps/v1 StatefulSetSpec",
    source: "pkg/apis/apps/v1/defaults.go SetDefaults_StatefulSet",
    rows: &[
        zero("podManagementPolicy", DefaultValue::Text("OrderedReady")),
        absent("replicas", DefaultValue::Int(1)),
        absent("revisionHistoryLimit", DefaultValue::Int(10)),
        // Not a default: text without `omitempty` is always written.
        absent("serviceName", DefaultValue::Text("")),
    ],
};

pub(in crate::defaults) const STATEFUL_SET_ROLLING_UPDATE: TypeDefaults = TypeDefaults {
    name: "apps/v1 RollingUpdateStatefulSetStrategy",
    source: "pkg/apis/apps/v1/defaults.go SetDefaults_StatefulSet",
    rows: &[absent("partition", DefaultValue::Int(0))],
};

pub(in crate::defaults) const CLAIM_RETENTION_POLICY: TypeDefaults = TypeDefaults {
    name: "apps/v1 StatefulSetPersistentVolumeClaimRetentionPolicy",
    source: "pkg/apis/apps/v1/defaults.go SetDefaults_StatefulSet",
    rows: &[
        zero("whenDeleted", DefaultValue::Text("Retain")),
        zero("whenScaled", DefaultValue::Text("Retain")),
    ],
};

pub(in crate::defaults) const DAEMON_SET_SPEC: TypeDefaults = TypeDefaults {
    name: "apps/v1 DaemonSetSpec",
    source: "pkg/apis/apps/v1/defaults.go SetDefaults_DaemonSet",
    rows: &[absent("revisionHistoryLimit", DefaultValue::Int(10))],
};

pub(in crate::defaults) const DAEMON_SET_ROLLING_UPDATE: TypeDefaults = TypeDefaults {
    name: "apps/v1 RollingUpdateDaemonSet",
    source: "pkg/apis/apps/v1/defaults.go SetDefaults_DaemonSet",
    rows: &[
        absent("maxUnavailable", DefaultValue::Int(1)),
        absent("maxSurge", DefaultValue::Int(0)),
    ],
};

pub(in crate::defaults) const UPDATE_STRATEGY: TypeDefaults = TypeDefaults {
    name: "apps/v1 StatefulSetUpdateStrategy and DaemonSetUpdateStrategy",
    source: "pkg/apis/apps/v1/defaults.go SetDefaults_StatefulSet and SetDefaults_DaemonSet",
    rows: &[zero("type", DefaultValue::Text("RollingUpdate"))],
};

/// Argo Rollouts' controller uses these where the object has none; the API server writes none.
pub(in crate::defaults) const ARGO_ROLLOUT_SPEC: TypeDefaults = TypeDefaults {
    name: "argoproj.io/v1alpha1 RolloutSpec",
    source: "argo-rollouts utils/defaults/defaults.go",
    rows: &[
        absent("replicas", DefaultValue::Int(1)),
        absent("revisionHistoryLimit", DefaultValue::Int(10)),
        absent("progressDeadlineSeconds", DefaultValue::Int(600)),
    ],
};

pub(in crate::defaults) const ARGO_CANARY: TypeDefaults = TypeDefaults {
    name: "argoproj.io/v1alpha1 CanaryStrategy",
    source: "argo-rollouts docs/features/specification.md",
    rows: &[
        absent("maxUnavailable", DefaultValue::Text("25%")),
        absent("maxSurge", DefaultValue::Text("25%")),
    ],
};
