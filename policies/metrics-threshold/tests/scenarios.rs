//! Every scenario, judged natively.

rollgate_sdk::testing::scenarios!(
    rollgate_policy_metrics_threshold::MetricsThreshold,
    "scenarios"
);
