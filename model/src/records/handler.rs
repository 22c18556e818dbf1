//! Probes, lifecycle hooks and their handlers.

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
