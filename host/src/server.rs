//! The webhook's HTTP server: reviews over TLS on one port; health, metrics and the active policies
//! over plain HTTP on another.
//!
//! The way of a request: [`listener`] accepts the connection, [`connection`] does the TLS handshake
//! and speaks HTTP/1.1 or HTTP/2, [`endpoint`] checks the request and reads its body, and
//! [`ReviewHandler`] handles it on the threads of the [`EvaluationPool`]. [`lifecycle`] shuts down
//! without losing a request.

mod admin;
mod body;
mod callers;
mod connection;
mod deadline;
mod endpoint;
mod evaluation_pool;
mod idle;
mod lifecycle;
mod listener;
mod options;
mod panic_response;
mod readiness;
mod throttle;
pub(crate) mod tls;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::net::TcpListener;
use tokio::time::Instant;

pub(crate) use admin::Info;
pub(crate) use callers::{ADMIT, BadPathSecret, Callers, PathFile, PathSecret, PathSecrets};
pub(crate) use evaluation_pool::EvaluationPool;
pub(crate) use lifecycle::Ended;
pub(crate) use options::{Bounds, Drain, Options};
pub(crate) use readiness::Readiness;

use crate::admission::{Caller, ReviewBody};
use crate::telemetry::Telemetry;
use tls::Tls;

/// Handles reviews.
pub(crate) trait ReviewHandler: Send + Sync + 'static {
    /// Answers the body of an AdmissionReview before the deadline.
    fn handle(
        self: Arc<Self>,
        body: ReviewBody,
        caller: Caller,
        deadline: Instant,
    ) -> BoxFuture<'static, HandlerResponse>;
}

/// What the API server gets back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HandlerResponse {
    /// An AdmissionReview as JSON, with HTTP 200.
    Review(Bytes),
    /// HTTP 400 with this message: the body is no review.
    BadRequest(String),
    /// HTTP 503 with this message: no policies are loaded yet. `/readyz` keeps requests away until
    /// then.
    NotReady(String),
}

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServerError {
    /// A port cannot be bound.
    #[error("cannot listen on {address}: {error}")]
    Bind {
        /// The address asked for.
        address: SocketAddr,
        /// Why not.
        error: io::Error,
    },
}

/// A server that holds its ports and does not accept yet.
#[derive(Debug)]
pub(crate) struct Server {
    options: Options,
    webhook: TcpListener,
    admin: TcpListener,
}

/// What the server shares with the rest of the process.
#[derive(Clone)]
pub(crate) struct Context {
    /// Certificate and key; replaced while the server runs.
    pub tls: Tls,
    /// How the API server is distinguished from other callers.
    pub callers: Callers,
    /// Where reviews are handled.
    pub pool: EvaluationPool,
    /// Whether `/readyz` succeeds.
    pub readiness: Readiness,
    /// Where requests are counted.
    pub telemetry: Telemetry,
    /// What `/info` says.
    pub info: Info,
}

impl Context {
    /// Returns whether this process can answer reviews.
    ///
    /// # Errors
    /// What is missing, one reason per line.
    pub(crate) fn ready(&self) -> Result<(), String> {
        let certificate = match self.tls.not_after() {
            Some(_) => Ok(()),
            None => Err("there is no certificate to serve with yet".to_owned()),
        };
        let callers = match self.callers.are_known() {
            true => Ok(()),
            false => Err("there is no secret path to answer at yet".to_owned()),
        };
        let missing: Vec<String> = [self.readiness.check(), certificate, callers]
            .into_iter()
            .filter_map(Result::err)
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(missing.join("\n"))
    }
}

impl Server {
    /// Binds both ports.
    ///
    /// # Errors
    /// [`ServerError::Bind`] if one is taken or not permitted.
    pub(crate) async fn bind(options: Options) -> Result<Self, ServerError> {
        let webhook = bind(options.listen).await?;
        let admin = bind(options.admin).await?;
        Ok(Self {
            options,
            webhook,
            admin,
        })
    }

    /// Returns the webhook's address, with the real port if 0 was requested.
    ///
    /// # Errors
    /// The operating system does not return it.
    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.webhook.local_addr()
    }

    /// Returns the address of health and metrics.
    ///
    /// # Errors
    /// The operating system does not return it.
    pub(crate) fn admin_address(&self) -> io::Result<SocketAddr> {
        self.admin.local_addr()
    }

    /// Serves until `stop` is done, then drains: see [`Drain`].
    pub(crate) async fn run(
        self,
        handler: Arc<dyn ReviewHandler>,
        context: Context,
        stop: impl Future<Output = ()>,
    ) -> Ended {
        lifecycle::run(self, handler, context, stop).await
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener, ServerError> {
    TcpListener::bind(address)
        .await
        .map_err(|error| ServerError::Bind { address, error })
}

#[cfg(test)]
mod tests;
