//! Builds the guests of the tests.

use std::process::ExitCode;

const MISBEHAVING: &str = "rollgate-misbehaving";
const RAW: &str = "rollgate-misbehaving-raw";
const CRAMPED: &str = "rollgate-misbehaving-cramped";
const DESCRIBE: &str = "rollgate-misbehaving-describe";
const WORDS: &str = "rollgate-misbehaving-words";
const ASKING: &str = "rollgate-asking";
const READER: &str = "rollgate-reader";
const PACKAGES: [&str; 7] = [ASKING, MISBEHAVING, RAW, CRAMPED, DESCRIBE, WORDS, READER];

fn main() -> ExitCode {
    let guests = match rollgate_guest_build::build(&PACKAGES, "tests/guests") {
        Ok(guests) => guests,
        Err(problem) => return rollgate_guest_build::fail(&problem),
    };
    for (variable, package) in [
        ("ASKING", ASKING),
        ("MISBEHAVING", MISBEHAVING),
        ("MISBEHAVING_RAW", RAW),
        ("MISBEHAVING_CRAMPED", CRAMPED),
        ("MISBEHAVING_DESCRIBE", DESCRIBE),
        ("MISBEHAVING_WORDS", WORDS),
        ("READER", READER),
    ] {
        println!(
            "cargo::rustc-env={variable}={}",
            guests.module(package).display()
        );
    }
    ExitCode::SUCCESS
}
