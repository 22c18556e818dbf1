//! One connection of the webhook's port: the handshake, its requests, its end.

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
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulConnection;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::server::TlsStream;

use super::callers::ClientCertificate;
use super::lifecycle::Phase;
use super::options::Bounds;
use super::pulse::{Pulse, Sign, Watched};
use super::throttle::Throttle;
use super::tls::{ALPN_H2, Tls};

/// What a connection that was asked to end may still take to flush its last answer.
const LINGER: Duration = Duration::from_secs(5);

static COMPLAINTS: LazyLock<Throttle> = LazyLock::new(|| Throttle::new(Duration::from_secs(10)));

/// What all connections share.
#[derive(Clone)]
pub(super) struct Connections {
    pub(super) tls: Tls,
    pub(super) routes: Router,
    pub(super) bounds: Bounds,
    pub(super) phase: watch::Receiver<Phase>,
}

impl Connections {
    /// Serves a connection until it ends.
    pub(super) async fn serve(self, stream: TcpStream) {
        let Some(stream) = self.handshake(stream).await else {
            return;
        };
        if stream.get_ref().1.alpn_protocol() == Some(ALPN_H2) {
            self.serve_h2(stream).await;
        } else {
            self.serve_h1(stream).await;
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
                complain(&error);
                None
            }
            Err(_) => {
                tracing::debug!("a client did not finish its TLS handshake in time");
                None
            }
        }
    }

    async fn serve_h1(self, stream: TlsStream<TcpStream>) {
        let pulse = Pulse::new();
        let service = TowerToHyperService::new(self.routes.clone());
        let certificate = ClientCertificate::of(stream.get_ref().1);
        let (phase, heart) = (self.phase.clone(), Arc::clone(&pulse));
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(certificate);
            let open = heart.begin();
            let answer = hyper::service::Service::call(&service, request);
            let phase = phase.clone();
            async move {
                let mut response: Response<Body> = answer.await?;
                if *phase.borrow() != Phase::Serving {
                    response
                        .headers_mut()
                        .insert(CONNECTION, HeaderValue::from_static("close"));
                }
                drop(open);
                Ok::<_, Infallible>(response)
            }
        });
        let stream = Watched {
            stream,
            pulse: Arc::clone(&pulse),
        };
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(None);
        self.drive(
            http.serve_connection(TokioIo::new(stream), service),
            &pulse,
            Goodbye::InAnswers,
        )
        .await;
    }

    async fn serve_h2(self, stream: TlsStream<TcpStream>) {
        let pulse = Pulse::new();
        let service = TowerToHyperService::new(self.routes.clone());
        let certificate = ClientCertificate::of(stream.get_ref().1);
        let heart = Arc::clone(&pulse);
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(certificate);
            let open = heart.begin();
            let answer = hyper::service::Service::call(&service, request);
            async move {
                let response = answer.await;
                drop(open);
                response
            }
        });
        let mut http = http2::Builder::new(TokioExecutor::new());
        http.timer(TokioTimer::new());
        self.drive(
            http.serve_connection(TokioIo::new(stream), service),
            &pulse,
            Goodbye::Frame,
        )
        .await;
    }

    /// Runs a connection until its client ends it, it has been idle or slow for too long, or the
    /// server ends.
    async fn drive<C>(mut self, connection: C, pulse: &Pulse, goodbye: Goodbye)
    where
        C: GracefulConnection,
        C::Error: std::fmt::Display,
    {
        let mut connection = pin!(connection);
        let accepted_in = *self.phase.borrow_and_update();
        let mut linger = None;
        loop {
            let wake = match (linger, pulse.sign(&self.bounds, Instant::now())) {
                (Some(until), _) | (None, Sign::Well(until)) => until,
                (None, Sign::Stalled) => return,
                (None, Sign::Idle) => {
                    connection.as_mut().graceful_shutdown();
                    *linger.insert(Instant::now() + LINGER)
                }
            };
            tokio::select! {
                result = connection.as_mut() => return log(result),
                () = sleep_until(wake) => match linger {
                    Some(_) if pulse.busy() => linger = Some(Instant::now() + LINGER),
                    Some(_) => return,
                    None => {}
                },
                Ok(()) = self.phase.changed() => {
                    if goodbye.is_due(*self.phase.borrow_and_update(), pulse) {
                        connection.as_mut().graceful_shutdown();
                    }
                }
                () = pulse.ended(), if goodbye == Goodbye::Frame && accepted_in == Phase::Draining => {
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }
}

/// How a client learns that it should go elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Goodbye {
    /// HTTP/1.1: each answer says `Connection: close`.
    InAnswers,
    /// HTTP/2: a GOAWAY frame, which leaves open streams be.
    Frame,
}

impl Goodbye {
    /// Whether to end the connection itself now, once what is open has been answered.
    fn is_due(self, phase: Phase, pulse: &Pulse) -> bool {
        match (self, phase) {
            (_, Phase::Serving) | (Self::InAnswers, Phase::Draining) => false,
            (Self::Frame, _) => true,
            // A head on its way would be lost; its answer will say goodbye.
            (Self::InAnswers, Phase::Closing) => !pulse.head_arriving(),
        }
    }
}

fn log<E: std::fmt::Display>(result: Result<(), E>) {
    if let Err(error) = result {
        tracing::debug!(%error, "a connection broke off");
    }
}

/// A client that hangs up is a port scan or a balancer's check; one that objects is a webhook
/// configuration to mend.
fn complain(error: &io::Error) {
    if matches!(
        error.kind(),
        ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
    ) {
        tracing::debug!(%error, "a client hung up during its TLS handshake");
    } else if let Some(held_back) = COMPLAINTS.pass() {
        tracing::warn!(
            %error,
            held_back,
            "a TLS handshake failed; if the client is the API server, check caBundle and service name \
             in the webhook configuration"
        );
    }
}
