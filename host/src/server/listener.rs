//! Accepts connections.

use std::io::{self, ErrorKind};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use rustix::io::Errno;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};
use tokio::time::timeout;

use super::throttle::Throttle;
use crate::telemetry::Telemetry;

/// How long to wait after an error such as too many open files, and between two evictions.
const PAUSE: Duration = Duration::from_millis(50);

static WARNINGS: LazyLock<Throttle> = LazyLock::new(|| Throttle::new(Duration::from_secs(10)));

/// Accepts connections for ever and hands each to `with`, with a permit of `room`. If there is none,
/// `evict` closes an idle connection, and so it does if the process has no file descriptor left; until then,
/// further clients wait in the backlog.
pub(super) async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
    evict: impl Fn(),
    telemetry: &Telemetry,
    mut with: impl FnMut(TcpStream, OwnedSemaphorePermit),
) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // A response is one small write: waiting to fill a segment only delays it.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "cannot set TCP_NODELAY on a connection");
                }
                let Some(share) = permit(room, &evict).await else {
                    return;
                };
                with(stream, share);
            }
            Err(error) if went_away(&error) => {}
            Err(error) => {
                telemetry.accept_error();
                warn(&error);
                if are_files_used_up(&error) {
                    evict();
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Returns a permit once there is one; `None` at shutdown.
async fn permit(room: &Arc<Semaphore>, evict: &impl Fn()) -> Option<OwnedSemaphorePermit> {
    loop {
        match Arc::clone(room).try_acquire_owned() {
            Ok(permit) => return Some(permit),
            Err(TryAcquireError::Closed) => return None,
            Err(TryAcquireError::NoPermits) => evict(),
        }
        if let Ok(permit) = timeout(PAUSE, Arc::clone(room).acquire_owned()).await {
            return permit.ok();
        }
    }
}

/// Returns whether the client gave up before it was accepted, which is no error of ours.
fn went_away(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionRefused
            | ErrorKind::Interrupted
    )
}

fn are_files_used_up(error: &io::Error) -> bool {
    let error = Errno::from_io_error(error);
    matches!(error, Some(Errno::MFILE | Errno::NFILE))
}

fn warn(error: &io::Error) {
    if let Some(held_back) = WARNINGS.pass() {
        tracing::error!(%error, held_back, "cannot accept connections; retrying");
    }
}
