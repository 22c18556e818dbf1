//! Builds the guests that misbehave.

use std::process::ExitCode;

const MISBEHAVING: &str = "rollgate-misbehaving";
const RAW: &str = "rollgate-misbehaving-raw";
const CRAMPED: &str = "rollgate-misbehaving-cramped";

fn main() -> ExitCode {
    let guests = match rollgate_guest_build::build(&[MISBEHAVING, RAW, CRAMPED], "tests/guests") {
        Ok(guests) => guests,
        Err(problem) => return rollgate_guest_build::fail(&problem),
    };
    for (variable, package) in [
        ("MISBEHAVING", MISBEHAVING),
        ("MISBEHAVING_RAW", RAW),
        ("MISBEHAVING_CRAMPED", CRAMPED),
    ] {
        println!(
            "cargo::rustc-env={variable}={}",
            guests.module(package).display()
        );
    }
    ExitCode::SUCCESS
}
