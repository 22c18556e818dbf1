#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rollgate_policy_time_window::fuzzing::settings(data));
