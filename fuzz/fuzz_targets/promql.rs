#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rollgate::fuzzing::promql(data));
