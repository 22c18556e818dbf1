//! The rules, with their names and default levels.

pub use rollgate_sdk::rules::Level;

/// The level of each rule.
pub type Levels = rollgate_sdk::rules::Levels<Rule>;

rollgate_sdk::rules! {
    /// A container without a readinessProbe and without a startupProbe, in a Pod that declares a port.
    ReadinessMissing "readiness-missing" Deny;
    /// The same in a Pod that declares no port.
    WorkerReadinessMissing "worker-readiness-missing" Warn;
    /// A container without a readinessProbe whose startupProbe alone decides when it is ready.
    ReadinessOnlyAtStart "readiness-only-at-start" Warn;
    /// A container without a livenessProbe.
    LivenessMissing "liveness-missing" Warn;
    /// Liveness that makes the same check as readiness and may kill before readiness withdraws.
    LivenessRepeatsReadiness "liveness-repeats-readiness" Warn;
    /// A liveness or startup probe that contacts something outside its Pod.
    LivenessLeavesPod "liveness-leaves-pod" Deny;
    /// A readiness probe that contacts something outside its Pod.
    ReadinessLeavesPod "readiness-leaves-pod" Warn;
    /// A probe of a port name that its container does not declare.
    PortNameUnknown "port-name-unknown" Deny;
    /// A probe of a port number that its container neither declares nor mentions.
    PortUndeclared "port-undeclared" Warn;
    /// A probe whose timeoutSeconds is not below its periodSeconds.
    TimeoutNotBelowPeriod "timeout-not-below-period" Warn;
    /// A probe that starts a command too often for what the command costs.
    ExecTooOften "exec-too-often" Warn;
    /// A long initialDelaySeconds where a startupProbe belongs.
    InitialDelayLong "initial-delay-long" Warn;
    /// Liveness that may kill the container before it can be ready.
    LivenessKillsBeforeReady "liveness-kills-before-ready" Warn;
    /// A start that cannot end before progressDeadlineSeconds.
    ProgressDeadlineUnreachable "progress-deadline-unreachable" Deny;
    /// A startupProbe that allows longer than progressDeadlineSeconds.
    ProgressDeadlineShort "progress-deadline-short" Warn;
}
