//! The rules, with their names and default levels.

rollgate_sdk::rules! {
    /// A Pod that is killed without time to stop.
    GraceZero "grace-zero" Deny;
    /// A preStop hook that takes as long as the whole grace period, or longer.
    PrestopOutlivesGrace "prestop-outlives-grace" Deny;
    /// A grace period in which the preStop hook and the drain time do not fit.
    GraceTooShort "grace-too-short" Warn;
    /// A container without a preStop hook, to which a Service sends traffic.
    PrestopMissing "prestop-missing" Warn;
    /// A shell script that does not pass SIGTERM on to the program that it runs.
    ShellSwallowsSigterm "shell-swallows-sigterm" Warn;
    /// A readiness probe that cannot fail before the Pod is killed.
    ReadinessOutlivesGrace "readiness-outlives-grace" Info;
}
