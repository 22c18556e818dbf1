//! Runs the server from the first connection to the end of a graceful shutdown.

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};

use super::body::BodyBudget;
use super::connection::Connections;
use super::options::{Bounds, Drain};
use super::{Context, ReviewHandler, Server, admin, endpoint, listener};

/// The phases of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// It serves.
    Serving,
    /// It is not ready, but still accepts connections, and asks clients to reconnect elsewhere.
    Draining,
    /// It accepts no connections, and finishes open requests.
    Closing,
}

/// How the server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Every accepted request was answered.
    Clean,
    /// The drain timeout cut off this many connections.
    CutOff(usize),
}

pub(super) async fn run(
    server: Server,
    handler: Arc<dyn ReviewHandler>,
    context: Context,
    stop: impl Future<Output = ()>,
) -> Ended {
    let Server {
        options,
        webhook,
        admin,
    } = server;
    let (phase, phases) = watch::channel(Phase::Serving);
    let admin = tokio::spawn(admin::serve(admin, context.clone()));
    let room = Arc::new(Semaphore::new(options.bounds.connections));
    let connections = connections(handler, &context, options.bounds, phases);
    tokio::select! {
        () = accept(webhook, &room, &connections, &context) => {}
        () = drain(stop, &context, &phase, options.drain) => {}
    }
    phase.send_replace(Phase::Closing);
    let ended = finish(&room, options.bounds, options.drain).await;
    admin.abort();
    ended
}

fn connections(
    handler: Arc<dyn ReviewHandler>,
    context: &Context,
    bounds: Bounds,
    phase: watch::Receiver<Phase>,
) -> Connections {
    let budget = BodyBudget::new(bounds.body, bounds.bodies);
    let endpoint = endpoint::ReviewEndpoint {
        handler,
        pool: context.pool.clone(),
        budget,
        callers: context.callers.clone(),
        telemetry: context.telemetry.clone(),
    };
    Connections {
        tls: context.tls.clone(),
        routes: endpoint::routes(endpoint),
        bounds,
        phase,
        idle: Arc::default(),
    }
}

async fn accept(
    port: TcpListener,
    room: &Arc<Semaphore>,
    connections: &Connections,
    context: &Context,
) {
    let evict = || connections.idle.evict_one();
    listener::accept(&port, room, evict, &context.telemetry, |stream, share| {
        let connections = connections.clone();
        let open = context.telemetry.connection();
        tokio::spawn(async move {
            connections.serve(stream).await;
            drop((share, open));
        });
    })
    .await;
}

/// Waits for the stop, then fails readiness. Load balancers notice that late, so the listener stays open
/// for a while.
async fn drain(
    stop: impl Future<Output = ()>,
    context: &Context,
    phase: &watch::Sender<Phase>,
    drain: Drain,
) {
    stop.await;
    context.readiness.drain();
    phase.send_replace(Phase::Draining);
    tracing::info!(delay = ?drain.delay, "shutting down: not ready, still accepting connections");
    sleep(drain.delay).await;
}

/// Waits until all connections have ended: each gives its permit back.
async fn finish(room: &Semaphore, bounds: Bounds, drain: Drain) -> Ended {
    let all = u32::try_from(bounds.connections).unwrap_or(u32::MAX);
    match timeout(drain.timeout, room.acquire_many(all)).await {
        Ok(_) => Ended::Clean,
        Err(_) => Ended::CutOff(bounds.connections - room.available_permits()),
    }
}
