//! Runs every scenario natively.

rollgate_sdk::testing::scenarios!(
    rollgate_policy_one_thing_at_a_time::OneThingAtATime,
    "scenarios"
);
