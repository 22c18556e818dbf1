//! The admin port: health, readiness, metrics and the active policies, in plain HTTP.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use hyper::StatusCode;
use hyper::header::CONTENT_TYPE;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::endpoint::text;
use super::{Context, listener};
use crate::telemetry;

/// Probes and scrapers are few; more connections than this are a mistake or an attack.
const CONNECTIONS: usize = 128;
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// Returns the active policies as JSON.
pub(crate) type Info = Arc<dyn Fn() -> serde_json::Value + Send + Sync>;

/// Serves until it is dropped.
pub(super) async fn serve(port: TcpListener, context: Context) {
    let telemetry = context.telemetry.clone();
    let service = TowerToHyperService::new(routes(context));
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    listener::accept(
        &port,
        &room,
        || {},
        &telemetry,
        |stream, share| {
            let service = service.clone();
            tokio::spawn(async move {
                serve_connection(stream, service).await;
                drop(share);
            });
        },
    )
    .await;
}

async fn serve_connection(stream: TcpStream, service: TowerToHyperService<Router>) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT);
    if let Err(error) = http.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "a connection to the admin port broke off");
    }
}

fn routes(context: Context) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route("/info", get(info))
        .fallback(async || {
            text(
                StatusCode::NOT_FOUND,
                "the admin port has /healthz, /readyz, /metrics and /info".to_owned(),
            )
        })
        .with_state(context)
}

async fn ready(State(context): State<Context>) -> Response {
    match context.ready() {
        Ok(()) => text(StatusCode::OK, "ok".to_owned()),
        Err(missing) => text(StatusCode::SERVICE_UNAVAILABLE, missing),
    }
}

async fn metrics(State(context): State<Context>) -> Response {
    (
        [(CONTENT_TYPE, telemetry::CONTENT_TYPE)],
        context.telemetry.encode(),
    )
        .into_response()
}

async fn info(State(context): State<Context>) -> Response {
    let mut json = format!("{:#}", (context.info)());
    json.push('\n');
    ([(CONTENT_TYPE, "application/json")], json).into_response()
}
