//! The records that policies read, field by field as in `wit/types.wit`. The meaning of each field
//! is documented there and follows core/v1 of the Kubernetes API.

/// How a workload replaces its Pods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strategy {
    /// `RollingUpdate`, `Recreate`, `OnDelete`, or of an Argo Rollout `Canary`, `BlueGreen`.
    pub kind: String,
    /// Pods that may be missing during the rollout.
    pub max_unavailable: Option<IntOrString>,
    /// Pods that may exist beyond the desired number during the rollout.
    pub max_surge: Option<IntOrString>,
    /// StatefulSet: only Pods with an ordinal from here on are updated.
    pub partition: Option<i32>,
}

/// Pod-level fields of a template, after core/v1 PodSpec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// `restartPolicy`: `Always`, `OnFailure` or `Never`.
    pub restart_policy: String,
    /// `terminationGracePeriodSeconds`, in seconds.
    pub termination_grace_period_seconds: i64,
    /// `serviceAccountName`; `None` means the namespace's `default`.
    pub service_account_name: Option<String>,
    /// `automountServiceAccountToken`, where set.
    pub automount_service_account_token: Option<bool>,
    /// `hostNetwork`.
    pub host_network: bool,
    /// `hostPID`.
    pub host_pid: bool,
    /// `hostIPC`.
    pub host_ipc: bool,
    /// `shareProcessNamespace`.
    pub share_process_namespace: bool,
    /// `priorityClassName`, where set.
    pub priority_class_name: Option<String>,
    /// `dnsPolicy`.
    pub dns_policy: String,
    /// `nodeSelector`, sorted by key.
    pub node_selector: Vec<(String, String)>,
    /// The names of `readinessGates`' condition types.
    pub readiness_gates: Vec<String>,
}

/// A container of the template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// The argument of the methods that read more of this container. It differs between two
    /// objects.
    pub index: u32,
    /// The JSON pointer of this container in its object.
    pub path: String,
    /// `name`.
    pub name: String,
    /// `image`, as written.
    pub image: String,
    /// `main`, `init`, or `sidecar` (an init container with `restartPolicy: Always`).
    pub role: String,
    /// `imagePullPolicy`: `Always`, `IfNotPresent` or `Never`.
    pub image_pull_policy: String,
    /// `command`; empty means the image's entrypoint.
    pub command: Vec<String>,
    /// `args`; empty means the image's own.
    pub args: Vec<String>,
    /// `ports`.
    pub ports: Vec<ContainerPort>,
    /// `resources`.
    pub resources: Resources,
    /// `lifecycle`.
    pub lifecycle: Lifecycle,
    /// `livenessProbe`.
    pub liveness_probe: Option<Probe>,
    /// `readinessProbe`.
    pub readiness_probe: Option<Probe>,
    /// `startupProbe`.
    pub startup_probe: Option<Probe>,
}

/// A declared port of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerPort {
    /// `name`, where set.
    pub name: Option<String>,
    /// `containerPort`.
    pub container_port: i32,
    /// `hostPort`, where set.
    pub host_port: Option<i32>,
    /// `protocol`: `TCP`, `UDP` or `SCTP`.
    pub protocol: String,
}

/// Requests and limits, as resource name and quantity (`cpu`, `250m`), sorted by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resources {
    /// `requests`.
    pub requests: Vec<(String, String)>,
    /// `limits`.
    pub limits: Vec<(String, String)>,
}

/// A variable of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvVar {
    /// `name`.
    pub name: String,
    /// `value`; `None` when the value comes from another source.
    pub value: Option<String>,
    /// `valueFrom`: `secretKeyRef`, `configMapKeyRef`, `fieldRef`, `resourceFieldRef` or newer,
    /// with the JSON text of that field.
    pub value_from: Option<(String, String)>,
}

/// A whole ConfigMap or Secret as variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvFrom {
    /// `configMapRef`, `secretRef` or newer.
    pub kind: String,
    /// The name of the object.
    pub name: String,
    /// `prefix`; empty where none is set.
    pub prefix: String,
    /// Whether the object may be missing.
    pub optional: bool,
}

/// A volume mounted into a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeMount {
    /// The volume's name.
    pub name: String,
    /// `mountPath`.
    pub mount_path: String,
    /// `subPath`, where set.
    pub sub_path: Option<String>,
    /// `readOnly`.
    pub read_only: bool,
}

/// A container's security context; what is `None` is the Pod's or the runtime's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityContext {
    /// `privileged`.
    pub privileged: Option<bool>,
    /// `allowPrivilegeEscalation`.
    pub allow_privilege_escalation: Option<bool>,
    /// `readOnlyRootFilesystem`.
    pub read_only_root_filesystem: Option<bool>,
    /// `runAsNonRoot`.
    pub run_as_non_root: Option<bool>,
    /// `runAsUser`.
    pub run_as_user: Option<i64>,
    /// `runAsGroup`.
    pub run_as_group: Option<i64>,
    /// `capabilities.add`.
    pub capabilities_add: Vec<String>,
    /// `capabilities.drop`.
    pub capabilities_drop: Vec<String>,
}

/// Kubernetes' IntOrString: a number, or text such as `25%` or a port's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IntOrString {
    /// A number.
    Int(i32),
    /// Text.
    Text(String),
}

/// The hooks that run after a container starts and before it is stopped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lifecycle {
    /// `postStart`.
    pub post_start: Option<Handler>,
    /// `preStop`.
    pub pre_stop: Option<Handler>,
}

/// A probe, after core/v1 Probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// The check to run.
    pub handler: Handler,
    /// Seconds between the start of the container and the first probe.
    pub initial_delay_seconds: i32,
    /// Seconds between two probes.
    pub period_seconds: i32,
    /// Seconds after which a probe fails.
    pub timeout_seconds: i32,
    /// Consecutive successes that count as a success.
    pub success_threshold: i32,
    /// Consecutive failures that count as a failure.
    pub failure_threshold: i32,
    /// Seconds that a Pod has to stop when this probe kills it, where set.
    pub termination_grace_period_seconds: Option<i64>,
}

/// The action of a probe or a lifecycle hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handler {
    /// Runs a command in the container.
    Exec(Vec<String>),
    /// An HTTP GET.
    HttpGet(HttpGet),
    /// Opens a TCP connection.
    TcpSocket(TcpSocket),
    /// Calls the gRPC health service.
    Grpc(Grpc),
    /// Waits for this number of seconds (lifecycle hooks only).
    Sleep(i64),
    /// A newer handler: the name of its field, or empty where no handler is set.
    Other(String),
}

/// An HTTP GET of a probe or hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpGet {
    /// `path`.
    pub path: String,
    /// A number, or the name of a declared port.
    pub port: IntOrString,
    /// The host to connect to, where it is not the Pod itself.
    pub host: Option<String>,
    /// `HTTP` or `HTTPS`.
    pub scheme: String,
    /// `httpHeaders`.
    pub headers: Vec<(String, String)>,
}

/// A TCP connection of a probe or hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpSocket {
    /// A number, or the name of a declared port.
    pub port: IntOrString,
    /// The host to connect to, where it is not the Pod itself.
    pub host: Option<String>,
}

/// A gRPC health check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grpc {
    /// The port number.
    pub port: i32,
    /// The service to check; empty means the server as a whole.
    pub service: String,
}
