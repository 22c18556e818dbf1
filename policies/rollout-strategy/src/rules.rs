//! The rules, with their names and default levels.

pub use rollgate_sdk::rules::{Level, Rules};

/// The level of each rule.
pub type Levels = rollgate_sdk::rules::Levels<Rule>;

rollgate_sdk::rules! {
    /// The strategy Recreate on a workload that a Service sends traffic to.
    RecreateServing "recreate-serving" Deny;
    /// A rolling update that may stop every Pod of a workload that a Service sends traffic to.
    NoPodStays "no-pod-stays" Deny;
    /// A rolling update that keeps less than the wanted share of the Pods.
    FewPodsStay "few-pods-stay" Warn;
    /// Fewer replicas than the wanted number, behind a Service.
    ReplicasTooFew "replicas-too-few" Warn;
    /// One Pod with a volume that one node may mount, and a strategy that starts the new Pod first.
    VolumeBlocksSurge "volume-blocks-surge" Warn;
    /// No earlier revision is kept.
    NoWayBack "no-way-back" Warn;
    /// A rollout that replaces no Pod by itself.
    RollsNothing "rolls-nothing" Info;
    /// A Pod that is ready for a moment counts as available.
    MinReadyMissing "min-ready-missing" Ignore;
    /// minReadySeconds end before a readiness probe that fails would be noticed.
    MinReadyShort "min-ready-short" Info;
    /// A step of an Argo Rollout that waits until somebody promotes it.
    PauseWithoutEnd "pause-without-end" Info;
    /// An Argo Rollout that stays stuck without an end.
    AbortMissing "abort-missing" Info;
}
