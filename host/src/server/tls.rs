//! The certificate the webhook serves with, and how it is renewed while it serves.

mod files;
mod self_signed;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use jiff::Timestamp;
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, server::danger::ClientCertVerifier};
use tokio_rustls::TlsAcceptor;
use x509_parser::prelude::{FromDer as _, X509Certificate};

pub(crate) use files::keep_fresh;
pub(crate) use files::{Files, serve_with};
pub(crate) use self_signed::self_signed;

/// HTTP/2, as ALPN names it.
pub(super) const ALPN_H2: &[u8] = b"h2";
const ALPN_H1: &[u8] = b"http/1.1";

/// What new connections are served with. Clones share it, so that a renewed certificate reaches
/// every listener; connections that are open keep what they began with. Before the first certificate
/// every handshake fails.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tls(Arc<ArcSwapOption<Identity>>);

/// A certificate that fits its key, ready to serve with.
#[derive(Debug)]
pub(crate) struct Identity {
    config: Arc<ServerConfig>,
    not_after: Timestamp,
}

/// Why a certificate cannot be served with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    /// A file that cannot be read, or is not PEM.
    #[error("{}: {message}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// A text that is not PEM of what it should be.
    #[error("{0}")]
    Pem(String),
    /// Certificate and key that do not belong together, or cannot be used.
    #[error("the certificate and the key cannot be used together: {0}")]
    Pair(rustls::Error),
    /// A client CA that verifies nobody.
    #[error("the client CA cannot be used: {0}")]
    ClientCa(String),
    /// A certificate that is not X.509.
    #[error("the certificate cannot be read: {0}")]
    Certificate(String),
    /// A self-signed certificate that cannot be made, for example for a name that is none.
    #[error("no self-signed certificate can be made: {0}")]
    SelfSigned(rcgen::Error),
}

impl Tls {
    /// Reads and checks the files.
    ///
    /// # Errors
    /// [`TlsError`] names the file and what is wrong with it.
    pub(crate) fn load(files: &Files) -> Result<Self, TlsError> {
        Ok(Self::of(files.identity()?))
    }

    /// When the certificate in use ends; `None` before the first.
    #[must_use]
    pub(crate) fn not_after(&self) -> Option<Timestamp> {
        self.0.load().as_ref().map(|identity| identity.not_after)
    }

    /// Serves new connections with this from now on.
    pub(crate) fn replace(&self, identity: Identity) {
        self.0.store(Some(Arc::new(identity)));
    }

    fn of(identity: Identity) -> Self {
        let tls = Self::default();
        tls.replace(identity);
        tls
    }

    pub(super) fn acceptor(&self) -> Option<TlsAcceptor> {
        let identity = self.0.load();
        let config = &identity.as_ref()?.config;
        Some(TlsAcceptor::from(Arc::clone(config)))
    }
}

impl Identity {
    /// From a certificate, its chain behind it, and its key, in PEM. Where the file of a client CA
    /// is named, clients must show a certificate that it signed.
    ///
    /// # Errors
    /// [`TlsError`] says what is wrong, and with the file's name where it is the client CA.
    pub(crate) fn from_pem(
        certificate: &str,
        key: &str,
        client_ca: Option<&Path>,
    ) -> Result<Self, TlsError> {
        let chain = files::certificates(certificate.as_bytes()).map_err(TlsError::Pem)?;
        let key = files::key(key.as_bytes()).map_err(TlsError::Pem)?;
        Self::new(
            chain,
            key,
            client_ca.map(files::certificates_in).transpose()?,
        )
    }

    /// When the certificate ends.
    #[must_use]
    pub(crate) const fn not_after(&self) -> Timestamp {
        self.not_after
    }

    fn new(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
        client_ca: Option<Vec<CertificateDer<'static>>>,
    ) -> Result<Self, TlsError> {
        let not_after = chain
            .first()
            .ok_or_else(|| TlsError::Certificate("the chain is empty".to_owned()))?;
        let not_after = end(not_after)?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Pair)?;
        let builder = match client_ca {
            Some(roots) => builder.with_client_cert_verifier(verifier(roots, provider)?),
            None => builder.with_no_client_auth(),
        };
        let mut config = builder
            .with_single_cert(chain, key)
            .map_err(TlsError::Pair)?;
        config.alpn_protocols = vec![ALPN_H2.to_vec(), ALPN_H1.to_vec()];
        Ok(Self {
            config: Arc::new(config),
            not_after,
        })
    }
}

fn verifier(
    roots: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let mut store = RootCertStore::empty();
    for root in roots {
        store
            .add(root)
            .map_err(|error| TlsError::ClientCa(error.to_string()))?;
    }
    WebPkiClientVerifier::builder_with_provider(Arc::new(store), provider)
        .build()
        .map_err(|error| TlsError::ClientCa(error.to_string()))
}

fn end(certificate: &CertificateDer<'_>) -> Result<Timestamp, TlsError> {
    let (_, parsed) = X509Certificate::from_der(certificate)
        .map_err(|error| TlsError::Certificate(error.to_string()))?;
    Timestamp::from_second(parsed.validity().not_after.timestamp())
        .map_err(|error| TlsError::Certificate(error.to_string()))
}

#[cfg(test)]
mod tests;
