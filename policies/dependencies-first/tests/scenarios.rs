//! Runs every scenario natively.

rollgate_sdk::testing::scenarios!(
    rollgate_policy_dependencies_first::DependenciesFirst,
    "scenarios"
);
