//! Runs every scenario natively.

rollgate_sdk::testing::scenarios!(
    rollgate_policy_rollout_strategy::RolloutStrategy,
    "scenarios"
);
