//! Runs every scenario natively.

rollgate_sdk::testing::scenarios!(rollgate_policy_error_budget::ErrorBudget, "scenarios");
