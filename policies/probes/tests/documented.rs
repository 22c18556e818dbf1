//! The rules, their README and their scenarios agree.

rollgate_sdk::testing::documented!(rollgate_policy_probes::rules::Rule);
