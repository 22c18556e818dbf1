use std::io::{self, ErrorKind};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::throttle::Throttle;
use crate::telemetry::Telemetry;

/// Long enough for a file descriptor to be given back, short enough to go unnoticed.
const PAUSE: Duration = Duration::from_millis(50);

static COMPLAINTS: LazyLock<Throttle> = LazyLock::new(|| Throttle::new(Duration::from_secs(10)));

/// Hands over connections for ever, each with its share of `room`; without room, clients wait in
/// the backlog.
pub(super) async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
    telemetry: &Telemetry,
    mut with: impl FnMut(TcpStream, OwnedSemaphorePermit),
) {
    loop {
        let Ok(share) = Arc::clone(room).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                // A review's answer is one small write: waiting to fill a segment only delays it.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "a connection keeps Nagle's algorithm");
                }
                with(stream, share);
            }
            Err(error) if went_away(&error) => {}
            Err(error) => {
                telemetry.accept_error();
                complain(&error);
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// The client gave up before it was accepted; nothing is wrong here.
fn went_away(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionRefused
            | ErrorKind::Interrupted
    )
}

fn complain(error: &io::Error) {
    if let Some(held_back) = COMPLAINTS.pass() {
        tracing::error!(%error, held_back, "cannot accept connections; trying on");
    }
}
