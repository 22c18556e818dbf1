//! The rules, their README and their scenarios agree.

rollgate_sdk::testing::documented!(rollgate_policy_twelve_factor::rules::Rule);
