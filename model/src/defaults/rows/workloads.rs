//! Defaults of the workloads themselves.

use super::{Shape, Value, absent, zero};

pub(in crate::defaults) const DEPLOYMENT_SPEC: Shape = Shape {
    name: "apps/v1 DeploymentSpec",
    source: "pkg/apis/apps/v1/defaults.go SetDefaults_Deployment",
    rows: &[
        absent("replicas", Value::Int(1)),
        absent("revisionHistoryLimit", Value::Int(10)),
        absent("progressDeadlineSeconds", Value::Int(600)),
    ],
};

pub(in crate::defaults) const DEPLOYMENT_STRATEGY: Shape = Shape {
    name: "apps/v1 DeploymentStrategy",
    source: "pkg/apis/apps/v1/defaults.go SetDefaults_Deployment",
    rows: &[zero("type", Value::Text("RollingUpdate"))],
};

pub(in crate::defaults) const DEPLOYMENT_ROLLING_UPDATE: Shape = Shape {
    name: "apps/v1 RollingUpdateDeployment",
    source: "pkg/apis/apps/v1/defaults.go SetDefaults_Deployment",
    rows: &[
        absent("maxUnavailable", Value::Text("25%")),
        absent("maxSurge", Value::Text("25%")),
    ],
};

pub(in crate::defaults) const STATEFUL_SET_SPEC: Shape = Shape {
    name: "apps/v1 StatefulSetSpec",
    source: "pkg/apis/apps/v1/defaults.go SetDefaults_StatefulSet",
    rows: &[
        zero("podManagementPolicy", Value::Text("OrderedReady")),
        absent("replicas", Value::Int(1)),
        absent("revisionHistoryLimit", Value::Int(10)),
    ],
};

pub(in crate::defaults) const STATEFUL_SET_ROLLING_UPDATE: Shape = Shape {
    name: "apps/v1 RollingUpdateStatefulSetStrategy",
    source: "pkg/apis/apps/v1/defaults.go SetDefaults_StatefulSet",
    rows: &[absent("partition", Value::Int(0))],
};

pub(in crate::defaults) const CLAIM_RETENTION_POLICY: Shape = Shape {
    name: "apps/v1 StatefulSetPersistentVolumeClaimRetentionPolicy",
    source: "pkg/apis/apps/v1/defaults.go SetDefaults_StatefulSet",
    rows: &[
        zero("whenDeleted", Value::Text("Retain")),
        zero("whenScaled", Value::Text("Retain")),
    ],
};

pub(in crate::defaults) const DAEMON_SET_SPEC: Shape = Shape {
    name: "apps/v1 DaemonSetSpec",
    source: "pkg/apis/apps/v1/defaults.go SetDefaults_DaemonSet",
    rows: &[absent("revisionHistoryLimit", Value::Int(10))],
};

pub(in crate::defaults) const DAEMON_SET_ROLLING_UPDATE: Shape = Shape {
    name: "apps/v1 RollingUpdateDaemonSet",
    source: "pkg/apis/apps/v1/defaults.go SetDefaults_DaemonSet",
    rows: &[
        absent("maxUnavailable", Value::Int(1)),
        absent("maxSurge", Value::Int(0)),
    ],
};

pub(in crate::defaults) const UPDATE_STRATEGY: Shape = Shape {
    name: "apps/v1 StatefulSetUpdateStrategy and DaemonSetUpdateStrategy",
    source: "pkg/apis/apps/v1/defaults.go SetDefaults_StatefulSet and SetDefaults_DaemonSet",
    rows: &[zero("type", Value::Text("RollingUpdate"))],
};

/// Argo's controller takes these where the object has none; its API server writes none.
pub(in crate::defaults) const ARGO_ROLLOUT_SPEC: Shape = Shape {
    name: "argoproj.io/v1alpha1 RolloutSpec",
    source: "argo-rollouts utils/defaults/defaults.go",
    rows: &[
        absent("replicas", Value::Int(1)),
        absent("revisionHistoryLimit", Value::Int(10)),
        absent("progressDeadlineSeconds", Value::Int(600)),
    ],
};

pub(in crate::defaults) const ARGO_CANARY: Shape = Shape {
    name: "argoproj.io/v1alpha1 CanaryStrategy",
    source: "argo-rollouts docs/features/specification.md",
    rows: &[
        absent("maxUnavailable", Value::Text("25%")),
        absent("maxSurge", Value::Text("25%")),
    ],
};
