//! The process around the server.

use std::io;

use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

/// Done at the first SIGTERM or SIGINT, and at the second. Heard from now on.
pub(super) fn signals() -> io::Result<(impl Future<Output = ()>, impl Future<Output = ()>)> {
    let (mut terminate, mut interrupt) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    let (first, first_heard) = oneshot::channel();
    let (second, second_heard) = oneshot::channel();
    tokio::spawn(async move {
        for heard in [first, second] {
            either(&mut terminate, &mut interrupt).await;
            // Nobody listens any more: the server has ended meanwhile.
            let _ = heard.send(());
        }
    });
    Ok((heard(first_heard), heard(second_heard)))
}

async fn either(one: &mut Signal, other: &mut Signal) {
    tokio::select! {
        _ = one.recv() => {}
        _ = other.recv() => {}
    }
}

async fn heard(signal: oneshot::Receiver<()>) {
    if signal.await.is_err() {
        std::future::pending().await
    }
}

/// A panic belongs into the log, in its format, as everything else.
pub(super) fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        let said = panic.payload_as_str().unwrap_or("nothing");
        tracing::error!(place, said, "panicked");
    }));
}

/// Each connection takes a file descriptor, and the default limit of many systems is 1,024.
pub(super) fn raise_file_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::debug!(%error, "the limit of open files stays as it is");
    }
}
