//! Runs every scenario natively.

rollgate_sdk::testing::scenarios!(rollgate_policy_availability::Availability, "scenarios");
