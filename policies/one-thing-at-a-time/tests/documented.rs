//! The rules, their README and their scenarios agree.

rollgate_sdk::testing::documented!(rollgate_policy_one_thing_at_a_time::rules::Rule);
