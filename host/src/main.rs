//! The `rollgate` binary: parse, run, exit code.

use std::process::ExitCode;

use rollgate::cli::{Cli, Exit};

/// Trees of JSON and guests' answers are many small pieces; glibc's allocator spent a fifth of a
/// request's time on them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match Cli::read().run() {
        Ok(exit) => exit.into(),
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            anstream::eprintln!("{:#}", rollgate::cli::Fatal(error));
            Exit::Unjudged.into()
        }
    }
}

/// Whoever reads our output, such as `head`, has had enough.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
    })
}
