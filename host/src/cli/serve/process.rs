//! Signals, panics and limits of the process.

use std::io;

use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

/// Returns two futures: done at the first SIGTERM or SIGINT, and at the second. Signals count from now on.
pub(super) fn signals() -> io::Result<(impl Future<Output = ()>, impl Future<Output = ()>)> {
    let (mut terminate, mut interrupt) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    let (first, first_received) = oneshot::channel();
    let (second, second_received) = oneshot::channel();
    tokio::spawn(async move {
        for received in [first, second] {
            either(&mut terminate, &mut interrupt).await;
            // Fails if the server has ended meanwhile.
            let _ = received.send(());
        }
    });
    Ok((received(first_received), received(second_received)))
}

async fn either(one: &mut Signal, other: &mut Signal) {
    tokio::select! {
        _ = one.recv() => {}
        _ = other.recv() => {}
    }
}

async fn received(signal: oneshot::Receiver<()>) {
    if signal.await.is_err() {
        std::future::pending().await
    }
}

/// Logs panics in the format of the log.
pub(super) fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        let said = panic.payload_as_str().unwrap_or("nothing");
        tracing::error!(place, said, "panicked");
    }));
}

/// Raises the limit of open files: each connection takes one, and the default is often 1,024.
pub(super) fn raise_file_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::debug!(%error, "the limit of open files stays as it is");
    }
}
