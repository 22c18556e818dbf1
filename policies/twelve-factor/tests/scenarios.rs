//! Runs every scenario natively.

rollgate_sdk::testing::scenarios!(rollgate_policy_twelve_factor::TwelveFactor, "scenarios");
