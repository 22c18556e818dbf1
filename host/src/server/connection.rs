//! Serves one connection of the webhook's port: TLS handshake, requests, shutdown.

use std::convert::Infallible;
use std::io::{self, ErrorKind};
use std::pin::pin;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulConnection;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::server::TlsStream;

use super::callers::ClientCertificate;
use super::idle::{IdleCheck, IdleConnections, IdleTracker, TrackedStream};
use super::lifecycle::Phase;
use super::options::Bounds;
use super::throttle::Throttle;
use super::tls::{ALPN_H2, Tls};

/// How long a connection that is being closed may take to flush its last response.
const LINGER: Duration = Duration::from_secs(5);

static WARNINGS: LazyLock<Throttle> = LazyLock::new(|| Throttle::new(Duration::from_secs(10)));

/// What all connections share.
#[derive(Clone)]
pub(super) struct Connections {
    pub(super) tls: Tls,
    pub(super) routes: Router,
    pub(super) bounds: Bounds,
    pub(super) phase: watch::Receiver<Phase>,
    pub(super) idle: Arc<IdleConnections>,
}

impl Connections {
    /// Serves a connection until it closes.
    pub(super) async fn serve(self, stream: TcpStream) {
        let tracker = IdleTracker::new(&self.idle);
        let handshake = self.handshake(stream);
        let stream = tokio::select! {
            stream = handshake => stream,
            () = tracker.evicted() => None,
        };
        let Some(stream) = stream else {
            return;
        };
        if stream.get_ref().1.alpn_protocol() == Some(ALPN_H2) {
            self.serve_h2(stream, tracker).await;
        } else {
            self.serve_h1(stream, tracker).await;
        }
    }

    async fn handshake(&self, stream: TcpStream) -> Option<TlsStream<TcpStream>> {
        let Some(acceptor) = self.tls.acceptor() else {
            tracing::debug!("a client came before there is a certificate to serve with");
            return None;
        };
        match timeout(self.bounds.head, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => Some(stream),
            Ok(Err(error)) => {
                warn(&error);
                None
            }
            Err(_) => {
                tracing::debug!("a client did not finish its TLS handshake in time");
                None
            }
        }
    }

    async fn serve_h1(self, stream: TlsStream<TcpStream>, tracker: Arc<IdleTracker>) {
        let service = TowerToHyperService::new(self.routes.clone());
        let certificate = ClientCertificate::of(stream.get_ref().1);
        let (phase, requests) = (self.phase.clone(), Arc::clone(&tracker));
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(certificate);
            let open = requests.begin();
            let response = hyper::service::Service::call(&service, request);
            let phase = phase.clone();
            async move {
                let mut response: Response<Body> = response.await?;
                if response.status() == StatusCode::OK {
                    open.answered();
                }
                if *phase.borrow() != Phase::Serving {
                    response
                        .headers_mut()
                        .insert(CONNECTION, HeaderValue::from_static("close"));
                }
                drop(open);
                Ok::<_, Infallible>(response)
            }
        });
        let stream = TrackedStream {
            stream,
            tracker: Arc::clone(&tracker),
        };
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(None);
        self.drive(
            http.serve_connection(TokioIo::new(stream), service),
            &tracker,
            Goodbye::InResponses,
        )
        .await;
    }

    async fn serve_h2(self, stream: TlsStream<TcpStream>, tracker: Arc<IdleTracker>) {
        let service = TowerToHyperService::new(self.routes.clone());
        let certificate = ClientCertificate::of(stream.get_ref().1);
        let requests = Arc::clone(&tracker);
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(certificate);
            let open = requests.begin();
            let response = hyper::service::Service::call(&service, request);
            async move {
                let response: Result<Response<Body>, Infallible> = response.await;
                if response
                    .as_ref()
                    .is_ok_and(|it| it.status() == StatusCode::OK)
                {
                    open.answered();
                }
                drop(open);
                response
            }
        });
        let mut http = http2::Builder::new(TokioExecutor::new());
        http.timer(TokioTimer::new());
        self.drive(
            http.serve_connection(TokioIo::new(stream), service),
            &tracker,
            Goodbye::Frame,
        )
        .await;
    }

    /// Drives a connection until the client closes it, a timeout expires, or the server shuts down.
    async fn drive<C>(mut self, connection: C, tracker: &IdleTracker, goodbye: Goodbye)
    where
        C: GracefulConnection,
        C::Error: std::fmt::Display,
    {
        let mut connection = pin!(connection);
        let accepted_in = *self.phase.borrow_and_update();
        let mut linger = None;
        loop {
            let wake = match (linger, tracker.check(&self.bounds, Instant::now())) {
                (Some(until), _) | (None, IdleCheck::CheckAgainAt(until)) => until,
                (None, IdleCheck::HeadTimeout) => return,
                (None, IdleCheck::Idle) => {
                    connection.as_mut().graceful_shutdown();
                    *linger.insert(Instant::now() + LINGER)
                }
            };
            tokio::select! {
                result = connection.as_mut() => return log(result),
                () = sleep_until(wake) => match linger {
                    Some(_) if tracker.busy() => linger = Some(Instant::now() + LINGER),
                    Some(_) => return,
                    None => {}
                },
                // Its client may just be sending a request, but a new one must get in.
                () = tracker.evicted() => if !tracker.busy() {
                    return;
                },
                Ok(()) = self.phase.changed() => {
                    if goodbye.is_due(*self.phase.borrow_and_update(), tracker) {
                        connection.as_mut().graceful_shutdown();
                    }
                }
                () = tracker.request_ended(), if goodbye == Goodbye::Frame && accepted_in == Phase::Draining => {
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }
}

/// How a client is told to reconnect elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Goodbye {
    /// HTTP/1.1: each response has `Connection: close`.
    InResponses,
    /// HTTP/2: a GOAWAY frame, which lets open streams finish.
    Frame,
}

impl Goodbye {
    /// Returns whether to close the connection now, after its open requests.
    fn is_due(self, phase: Phase, tracker: &IdleTracker) -> bool {
        match (self, phase) {
            (_, Phase::Serving) | (Self::InResponses, Phase::Draining) => false,
            (Self::Frame, _) => true,
            // A request that is arriving would be lost; its response will close the connection.
            (Self::InResponses, Phase::Closing) => !tracker.head_arriving(),
        }
    }
}

fn log<E: std::fmt::Display>(result: Result<(), E>) {
    if let Err(error) = result {
        tracing::debug!(%error, "a connection broke off");
    }
}

/// Logs a failed handshake. A client that hangs up is a port scan or a health check of a load
/// balancer; one that rejects the certificate has a wrong webhook configuration.
fn warn(error: &io::Error) {
    if matches!(
        error.kind(),
        ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
    ) {
        tracing::debug!(%error, "a client hung up during its TLS handshake");
    } else if let Some(held_back) = WARNINGS.pass() {
        tracing::warn!(
            %error,
            held_back,
            "a TLS handshake failed; if the client is the API server, check caBundle and service name \
             in the webhook configuration"
        );
    }
}
