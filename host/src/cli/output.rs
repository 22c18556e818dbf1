//! Writes output, and decides the exit code if it cannot be written.

use std::fmt;
use std::io::{self, Write};

use anyhow::Context;

use super::Exit;

/// Returns the exit code after the output was written, or was not.
///
/// A closed pipe, as of `head`, changes nothing: the reader has seen enough. Any other failure, such as
/// a full disk, is an error.
///
/// # Errors
/// The output is lost.
pub(super) fn settle(exit: Exit, written: io::Result<()>) -> anyhow::Result<Exit> {
    match written {
        Ok(()) => Ok(exit),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(exit),
        Err(error) => Err(error).context("the output cannot be written"),
    }
}

/// Writes a text to standard output.
///
/// # Errors
/// It cannot be written.
pub(super) fn text(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Prints progress on standard output. A failure is ignored.
pub(super) fn say(line: impl fmt::Display) {
    let _ = writeln!(anstream::stdout(), "{line}");
}

/// Combines the results of writing two streams: another failure outweighs a closed pipe.
pub(super) fn both(first: io::Result<()>, second: io::Result<()>) -> io::Result<()> {
    match (first, second) {
        (Err(first), Err(second)) if first.kind() == io::ErrorKind::BrokenPipe => Err(second),
        (Err(error), _) | (Ok(()), Err(error)) => Err(error),
        (Ok(()), Ok(())) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closed() -> io::Result<()> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn full() -> io::Result<()> {
        Err(io::ErrorKind::StorageFull.into())
    }

    #[test]
    fn closed_pipe_changes_no_exit_code() {
        for exit in [Exit::Success, Exit::Failure, Exit::Error] {
            assert_eq!(settle(exit, closed()).expect("no error"), exit);
        }
    }

    #[test]
    fn full_disk_is_an_error_whichever_stream_it_holds() {
        for written in [
            both(full(), Ok(())),
            both(Ok(()), full()),
            both(closed(), full()),
            both(full(), closed()),
        ] {
            assert!(settle(Exit::Success, written).is_err());
        }
        assert!(settle(Exit::Success, both(closed(), Ok(()))).is_ok());
    }
}
