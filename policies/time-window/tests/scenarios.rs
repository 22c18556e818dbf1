//! Runs every scenario natively.

rollgate_sdk::testing::scenarios!(rollgate_policy_time_window::TimeWindow, "scenarios");
