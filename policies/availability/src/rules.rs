//! The rules, with their names and default levels.

pub use rollgate_sdk::rules::{Level, Rules};

/// The level of each rule.
pub type Levels = rollgate_sdk::rules::Levels<Rule>;

rollgate_sdk::rules! {
    /// Two or more replicas behind a Service, and no PodDisruptionBudget that selects them.
    BudgetMissing "budget-missing" Warn;
    /// A PodDisruptionBudget that allows no eviction at the fewest replicas.
    BudgetBlocksEvictions "budget-blocks-evictions" Warn;
    /// More than one PodDisruptionBudget for the same Pods, so that every eviction fails.
    BudgetsOverlap "budgets-overlap" Warn;
    /// A PodDisruptionBudget that keeps Pods which were never ready from being evicted.
    BudgetKeepsBrokenPods "budget-keeps-broken-pods" Info;
    /// Replicas in the manifest below those that run, beside an autoscaler.
    ReplicasCut "replicas-cut" Deny;
    /// Replicas that may all run on one node.
    NotSpread "not-spread" Info;
    /// A spread or anti-affinity whose selector does not select the workload's own Pods.
    SpreadSelectsNothing "spread-selects-nothing" Warn;
    /// A PriorityClass that does not exist, so that no Pod can be created.
    PriorityClassMissing "priority-class-missing" Deny;
}
