//! Runs every scenario natively.

rollgate_sdk::testing::scenarios!(
    rollgate_policy_experiment_guard::ExperimentGuard,
    "scenarios"
);
