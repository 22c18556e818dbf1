use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::{Identity, Tls, TlsError};
use crate::telemetry::{ReloadOutcome, ReloadSubject, Telemetry};
use crate::watch::FileWatch;

/// Where the certificate is, in PEM.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    /// The certificate, followed by its chain.
    pub certificate: PathBuf,
    /// The certificate's key: PKCS#8, PKCS#1 or SEC1.
    pub key: PathBuf,
    /// Who signs the certificates of clients; where it is set, a client must show one.
    pub client_ca: Option<PathBuf>,
}

impl Files {
    /// All of them, for watching.
    #[must_use]
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        [
            Some(&self.certificate),
            Some(&self.key),
            self.client_ca.as_ref(),
        ]
        .into_iter()
        .flatten()
        .cloned()
        .collect()
    }

    pub(super) fn identity(&self) -> Result<Identity, TlsError> {
        let chain = certificates_in(&self.certificate)?;
        let key = key(&read(&self.key)?).map_err(|message| wrong(&self.key, message))?;
        let client_ca = self.client_ca.as_deref().map(certificates_in).transpose()?;
        Identity::new(chain, key, client_ca)
    }
}

/// Serves with new files as they come, for ever. Files that cannot be used change nothing: the old
/// certificate stays and the log says why, again at each change until they can.
pub(crate) async fn keep_fresh(tls: Tls, files: Files, mut watch: FileWatch, telemetry: Telemetry) {
    if let Some(not_after) = tls.not_after() {
        telemetry.certificate_expiry(not_after);
        warn_of_end(not_after);
    }
    loop {
        watch.changed().await;
        let outcome = match files.identity() {
            Ok(identity) => {
                serve_with(&tls, identity, &telemetry);
                ReloadOutcome::Ok
            }
            Err(error) => {
                tracing::error!(%error, "the new certificate cannot be used; the old one stays");
                ReloadOutcome::Failed
            }
        };
        telemetry.reload(ReloadSubject::Certificate, outcome);
    }
}

/// Serves new connections with this certificate, and records when it expires.
pub(crate) fn serve_with(tls: &Tls, identity: Identity, telemetry: &Telemetry) {
    let not_after = identity.not_after();
    tls.replace(identity);
    telemetry.certificate_expiry(not_after);
    tracing::info!(%not_after, "new connections are served with the new certificate");
    warn_of_end(not_after);
}

/// Warns of an expired certificate. It is served nevertheless: clients decide whether to trust it.
fn warn_of_end(not_after: Timestamp) {
    if not_after <= Timestamp::now() {
        tracing::warn!(%not_after, "the certificate has expired; clients will reject it");
    }
}

pub(super) fn certificates_in(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    certificates(&read(path)?).map_err(|message| wrong(path, message))
}

pub(super) fn certificates(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(
            "no certificate is in it: a block `-----BEGIN CERTIFICATE-----` is expected".to_owned(),
        ),
        Err(error) => Err(format!("it is not PEM: {error}")),
    }
}

pub(super) fn key(text: &[u8]) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_slice(text).map_err(|error| match error {
        pem::Error::NoItemsFound => {
            "no private key is in it: a block `-----BEGIN PRIVATE KEY-----` is expected".to_owned()
        }
        error => format!("it is not PEM: {error}"),
    })
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|error| wrong(path, format!("it cannot be read: {error}")))
}

fn wrong(path: &Path, message: impl Into<String>) -> TlsError {
    TlsError::File {
        path: path.to_owned(),
        message: message.into(),
    }
}
