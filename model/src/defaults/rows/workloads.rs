//! Defaults of the workloads themselves.

use super::{Fill, Shape, absent, zero};

pub(in crate::defaults) const DEPLOYMENT_SPEC: Shape = Shape {
    name: "apps/v1 DeploymentSpec",
    source: "pkg/apis/apps/v1/defaults.go SetDefaults_Deployment",
    rows: &[
        absent("replicas", Fill::Int(1)),
        absent("revisionHistoryLimit", Fill::Int(10)),
        absent("progressDeadlineSeconds", Fill::Int(600)),
    ],
};

pub(in crate::defaults) const DEPLOYMENT_STRATEGY: Shape = Shape {
    name: "apps/v1 DeploymentStrategy",
    source: "pkg/apis/apps/v1/defaults.go SetDefaults_Deployment",
    rows: &[zero("type", Fill::Text("RollingUpdate"))],
};

pub(in crate::defaults) const DEPLOYMENT_ROLLING_UPDATE: Shape = Shape {
    name: "apps/v1 RollingUpdateDeployment",
    source: "pkg/apis/apps/v1/defaults.go SetDefaults_Deployment",
    rows: &[
        absent("maxUnavailable", Fill::Text("25%")),
        absent("maxSurge", Fill::Text("25%")),
    ],
};

pub(in crate::defaults) const STATEFUL_SET_SPEC: Shape = Shape {
    name: "apps/v1 StatefulSetSpec",
    source: "pkg/apis/apps/v1/defaults.go SetDefaults_StatefulSet",
    rows: &[
        zero("podManagementPolicy", Fill::Text("OrderedReady")),
        absent("replicas", Fill::Int(1)),
        absent("revisionHistoryLimit", Fill::Int(10)),
        // Not a default: text without `omitempty` is always written.
        absent("serviceName", Fill::Text("")),
    ],
};

pub(in crate::defaults) const STATEFUL_SET_ROLLING_UPDATE: Shape = Shape {
    name: "apps/v1 RollingUpdateStatefulSetStrategy",
    source: "pkg/apis/apps/v1/defaults.go SetDefaults_StatefulSet",
    rows: &[absent("partition", Fill::Int(0))],
};

pub(in crate::defaults) const CLAIM_RETENTION_POLICY: Shape = Shape {
    name: "apps/v1 StatefulSetPersistentVolumeClaimRetentionPolicy",
    source: "pkg/apis/apps/v1/defaults.go SetDefaults_StatefulSet",
    rows: &[
        zero("whenDeleted", Fill::Text("Retain")),
        zero("whenScaled", Fill::Text("Retain")),
    ],
};

pub(in crate::defaults) const DAEMON_SET_SPEC: Shape = Shape {
    name: "apps/v1 DaemonSetSpec",
    source: "pkg/apis/apps/v1/defaults.go SetDefaults_DaemonSet",
    rows: &[absent("revisionHistoryLimit", Fill::Int(10))],
};

pub(in crate::defaults) const DAEMON_SET_ROLLING_UPDATE: Shape = Shape {
    name: "apps/v1 RollingUpdateDaemonSet",
    source: "pkg/apis/apps/v1/defaults.go SetDefaults_DaemonSet",
    rows: &[
        absent("maxUnavailable", Fill::Int(1)),
        absent("maxSurge", Fill::Int(0)),
    ],
};

pub(in crate::defaults) const UPDATE_STRATEGY: Shape = Shape {
    name: "apps/v1 StatefulSetUpdateStrategy and DaemonSetUpdateStrategy",
    source: "pkg/apis/apps/v1/defaults.go SetDefaults_StatefulSet and SetDefaults_DaemonSet",
    rows: &[zero("type", Fill::Text("RollingUpdate"))],
};

/// Argo Rollouts' controller uses these where the object has none; the API server writes none.
pub(in crate::defaults) const ARGO_ROLLOUT_SPEC: Shape = Shape {
    name: "argoproj.io/v1alpha1 RolloutSpec",
    source: "argo-rollouts utils/defaults/defaults.go",
    rows: &[
        absent("replicas", Fill::Int(1)),
        absent("revisionHistoryLimit", Fill::Int(10)),
        absent("progressDeadlineSeconds", Fill::Int(600)),
    ],
};

pub(in crate::defaults) const ARGO_CANARY: Shape = Shape {
    name: "argoproj.io/v1alpha1 CanaryStrategy",
    source: "argo-rollouts docs/features/specification.md",
    rows: &[
        absent("maxUnavailable", Fill::Text("25%")),
        absent("maxSurge", Fill::Text("25%")),
    ],
};
