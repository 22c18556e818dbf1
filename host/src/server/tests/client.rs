use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::{http1, http2};
use hyper::{Request, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// One connection, so that a test sees what becomes of it.
pub(super) struct Client {
    sender: Sender,
    /// Done when the connection has ended.
    pub(super) connection: JoinHandle<()>,
}

enum Sender {
    H1(http1::SendRequest<Full<Bytes>>),
    H2(http2::SendRequest<Full<Bytes>>),
}

pub(super) struct Received {
    pub(super) status: StatusCode,
    pub(super) closes: bool,
    pub(super) body: String,
}

pub(super) async fn tls(
    address: SocketAddr,
    ca: &str,
    alpn: &[u8],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(ca.as_bytes()).expect("PEM"))
        .expect("a CA");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![alpn.to_vec()];
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from("localhost").expect("a name");
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
}

impl Client {
    pub(super) async fn h1(address: SocketAddr, ca: &str) -> Self {
        Self::over_h1(tls(address, ca, b"http/1.1").await.expect("a handshake")).await
    }

    pub(super) async fn over_h1(stream: TlsStream<TcpStream>) -> Self {
        let (sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .expect("HTTP/1.1");
        let connection = tokio::spawn(async move {
            let _ = connection.await;
        });
        Self {
            sender: Sender::H1(sender),
            connection,
        }
    }

    pub(super) async fn h2(address: SocketAddr, ca: &str) -> Self {
        let stream = tls(address, ca, b"h2").await.expect("a handshake");
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .expect("HTTP/2");
        let connection = tokio::spawn(async move {
            let _ = connection.await;
        });
        Self {
            sender: Sender::H2(sender),
            connection,
        }
    }

    pub(super) async fn review(&mut self, body: String) -> Received {
        self.try_review(body).await.expect("an answer")
    }

    pub(super) async fn try_review(&mut self, body: String) -> hyper::Result<Received> {
        self.send(post("/admit?timeout=5s", body)).await
    }

    pub(super) async fn post(&mut self, target: &str, body: String) -> Received {
        self.send(post(target, body)).await.expect("an answer")
    }

    pub(super) async fn send(
        &mut self,
        mut request: Request<Full<Bytes>>,
    ) -> hyper::Result<Received> {
        let response = match &mut self.sender {
            Sender::H1(sender) => {
                request
                    .headers_mut()
                    .insert("host", "localhost".parse().expect("a header"));
                sender.ready().await?;
                sender.send_request(request).await?
            }
            Sender::H2(sender) => {
                let uri = format!("https://localhost{}", request.uri());
                *request.uri_mut() = uri.parse().expect("a URI");
                sender.ready().await?;
                sender.send_request(request).await?
            }
        };
        let closes = response
            .headers()
            .get("connection")
            .is_some_and(|value| value == "close");
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        Ok(Received {
            status,
            closes,
            body: String::from_utf8_lossy(&body).into_owned(),
        })
    }
}

fn post(target: &str, body: String) -> Request<Full<Bytes>> {
    let request = Request::post(target).header("content-type", "application/json");
    request.body(Full::from(body)).expect("a request")
}

/// What a plain HTTP GET says.
pub(super) async fn get(address: SocketAddr, path: &str) -> (u16, String, String) {
    let response = reqwest::get(format!("http://{address}{path}"))
        .await
        .expect("an answer");
    let content_type = response
        .headers()
        .get("content-type")
        .map(|value| value.to_str().expect("ASCII").to_owned());
    let status = response.status().as_u16();
    (
        status,
        content_type.unwrap_or_default(),
        response.text().await.expect("text"),
    )
}
