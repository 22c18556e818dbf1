//! Clients that send reviews one after the other, and forgive nothing: as with the API server, a
//! call that fails is not tried again.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::{http1, http2};
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

/// Which HTTP a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1 with keep-alive, as the API server.
    Http1,
    /// HTTP/2.
    Http2,
}

/// What a client does.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where it connects.
    pub address: SocketAddr,
    /// Whom it trusts, in PEM.
    pub ca: String,
    /// Which HTTP it speaks.
    pub protocol: Protocol,
    /// The review it sends.
    pub review: Bytes,
    /// How long it rests between two requests.
    pub pause: Duration,
    /// After how many requests it connects anew, if ever.
    pub reconnect_after: Option<usize>,
}

/// What became of the requests of some clients.
#[derive(Debug, Default)]
pub struct Outcome {
    /// How long each request that was answered took.
    pub answered: Vec<Duration>,
    /// How many connections that took.
    pub connections: usize,
    /// What went wrong, a sentence each.
    pub failed: Vec<String>,
}

/// Clients at work.
#[derive(Debug)]
pub struct Load {
    shared: Arc<Shared>,
    clients: JoinSet<Outcome>,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    sent: AtomicUsize,
}

impl Load {
    /// Puts as many clients to work as there are plans.
    #[must_use]
    pub fn start(plans: impl IntoIterator<Item = Plan>) -> Self {
        let shared = Arc::<Shared>::default();
        let mut clients = JoinSet::new();
        for plan in plans {
            clients.spawn(Worker::new(plan).run(Arc::clone(&shared)));
        }
        Self { shared, clients }
    }

    /// Waits until so many further requests are done, well or not.
    pub async fn more(&self, requests: usize) {
        let wanted = self.shared.sent.load(Ordering::Relaxed) + requests;
        while self.shared.sent.load(Ordering::Relaxed) < wanted {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Lets every client finish its request, and adds up.
    pub async fn finish(self) -> Outcome {
        self.shared.stop.store(true, Ordering::Relaxed);
        let mut all = Outcome::default();
        for outcome in self.clients.join_all().await {
            all.answered.extend(outcome.answered);
            all.failed.extend(outcome.failed);
            all.connections += outcome.connections;
        }
        all
    }
}

struct Worker {
    plan: Plan,
    tls: TlsConnector,
    outcome: Outcome,
}

enum Connection {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

/// What became of one request.
enum Sent {
    Answered {
        keep: bool,
    },
    /// The server takes no more on this connection (GOAWAY), and promises that it did not look at it
    /// (RFC 9113, sections 6.8 and 8.7): any client asks elsewhere.
    NotTaken,
}

impl Worker {
    fn new(plan: Plan) -> Self {
        let tls = connector(&plan.ca, plan.protocol);
        Self {
            plan,
            tls,
            outcome: Outcome::default(),
        }
    }

    async fn run(mut self, shared: Arc<Shared>) -> Outcome {
        let mut connection = None;
        let mut sent = 0;
        while !shared.stop.load(Ordering::Relaxed) {
            let begun = Instant::now();
            match self.once(&mut connection).await {
                Ok(Sent::Answered { keep }) => {
                    sent += 1;
                    self.outcome.answered.push(begun.elapsed());
                    if !keep
                        || self
                            .plan
                            .reconnect_after
                            .is_some_and(|after| sent % after == 0)
                    {
                        connection = None;
                    }
                }
                Ok(Sent::NotTaken) => connection = None,
                Err(error) => {
                    self.outcome.failed.push(format!("{error:#}"));
                    connection = None;
                }
            }
            shared.sent.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(self.plan.pause).await;
        }
        self.outcome
    }

    async fn once(&mut self, connection: &mut Option<Connection>) -> anyhow::Result<Sent> {
        if connection.is_none() {
            *connection = Some(self.connect().await?);
            self.outcome.connections += 1;
        }
        let connection = connection.as_mut().expect("it was just made");
        let response = match connection {
            Connection::Http1(sender) => {
                sender
                    .send_request(self.request("/admit?timeout=10s")?)
                    .await?
            }
            Connection::Http2(sender) => {
                if sender.ready().await.is_err() {
                    return Ok(Sent::NotTaken);
                }
                match sender
                    .try_send_request(self.request("https://localhost/admit?timeout=10s")?)
                    .await
                {
                    Ok(response) => response,
                    Err(mut error) => match error.take_message() {
                        Some(_) => return Ok(Sent::NotTaken),
                        None if is_beyond_goodbye(error.error()) => return Ok(Sent::NotTaken),
                        None => return Err(error.into_error().into()),
                    },
                }
            }
        };
        read(response).await
    }

    fn request(&self, target: &str) -> anyhow::Result<Request<Full<Bytes>>> {
        let request = Request::post(target)
            .header(CONTENT_TYPE, "application/json")
            .header(HOST, "localhost");
        Ok(request.body(Full::new(self.plan.review.clone()))?)
    }

    async fn connect(&self) -> anyhow::Result<Connection> {
        let stream = TcpStream::connect(self.plan.address).await?;
        stream.set_nodelay(true)?;
        let stream = TokioIo::new(
            self.tls
                .connect(ServerName::try_from("localhost")?, stream)
                .await?,
        );
        Ok(match self.plan.protocol {
            Protocol::Http1 => {
                let (sender, connection) = http1::handshake(stream).await?;
                tokio::spawn(connection);
                Connection::Http1(sender)
            }
            Protocol::Http2 => {
                let (sender, connection) = http2::handshake(TokioExecutor::new(), stream).await?;
                tokio::spawn(connection);
                Connection::Http2(sender)
            }
        })
    }
}

/// Whether a request was already on its way when GOAWAY came that names only earlier ones.
fn is_beyond_goodbye(error: &hyper::Error) -> bool {
    let cause = error.source().and_then(<dyn Error>::downcast_ref);
    cause.is_some_and(|cause: &h2::Error| {
        cause.is_go_away() && cause.is_remote() && cause.reason() == Some(h2::Reason::NO_ERROR)
    })
}

async fn read(response: Response<hyper::body::Incoming>) -> anyhow::Result<Sent> {
    let status = response.status();
    let keep = response
        .headers()
        .get(CONNECTION)
        .is_none_or(|value| value != "close");
    let body = response.into_body().collect().await?.to_bytes();
    anyhow::ensure!(
        status == 200,
        "HTTP {status}: {}",
        String::from_utf8_lossy(&body)
    );
    let review: serde_json::Value = serde_json::from_slice(&body)?;
    anyhow::ensure!(
        review["response"]["allowed"].is_boolean(),
        "no decision in {review}"
    );
    Ok(Sent::Answered { keep })
}

fn connector(ca: &str, protocol: Protocol) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    let ca = CertificateDer::from_pem_slice(ca.as_bytes()).expect("the CA is PEM");
    roots.add(ca).expect("the CA is one");
    let mut config = ClientConfig::builder_with_provider(Arc::new(
        rustls::crypto::aws_lc_rs::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .expect("the provider has TLS 1.3")
    .with_root_certificates(roots)
    .with_no_client_auth();
    config.alpn_protocols = vec![match protocol {
        Protocol::Http1 => b"http/1.1".to_vec(),
        Protocol::Http2 => b"h2".to_vec(),
    }];
    TlsConnector::from(Arc::new(config))
}
