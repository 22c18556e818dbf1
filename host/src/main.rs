//! The `rollgate` binary: parse, run, exit code.

use std::process::ExitCode;

use rollgate::cli::Cli;

/// Trees of JSON and guests' answers are many small pieces; glibc's allocator spent a fifth of a
/// request's time on them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    Cli::read().run().into()
}
