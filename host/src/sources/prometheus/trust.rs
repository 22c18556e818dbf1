//! Which server certificates are trusted.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError, RootCertStore,
    SignatureScheme,
};
use rustls_platform_verifier::Verifier as SystemVerifier;
use x509_parser::prelude::{FromDer as _, X509Certificate};

#[derive(Debug)]
pub(super) enum Trust {
    /// None: requests go without TLS.
    NoTls,
    /// Those that a CA of the system signed.
    System,
    /// Those that one of these CAs signed, and these certificates themselves.
    Only(Vec<CertificateDer<'static>>),
}

/// A reason to refuse a certificate that rustls has no error for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    #[error(
        "it is one of an authority (CA:TRUE) that serves as a server's: name that very certificate \
         in ca or caFile, or make one with CA:FALSE"
    )]
    AuthorityAsServer,
}

impl Trust {
    /// Trusts the certificates in a PEM text; `None` if there is none or one is malformed.
    pub(super) fn of_pem(pem: &[u8]) -> Option<Self> {
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        let found = found.ok().filter(|found| !found.is_empty())?;
        Some(Self::Only(found))
    }

    /// Returns the configuration of a client; `None` without TLS.
    pub(super) fn into_config(self) -> Result<Option<ClientConfig>, Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = match self {
            Self::NoTls => return Ok(None),
            Self::System => Verifier {
                cas: Arc::new(SystemVerifier::new(Arc::clone(&provider))?),
                named: Vec::new(),
            },
            Self::Only(named) => Verifier::naming(named, &provider)?,
        };
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        Ok(Some(config))
    }
}

/// Accepts certificates that a CA signed, and those that the operator named.
///
/// WebPKI refuses a CA certificate as a server's, but `openssl req -x509` makes only such. Go and curl
/// accept one that was named, and so does this, if its names and its validity match.
#[derive(Debug)]
struct Verifier {
    cas: Arc<dyn ServerCertVerifier>,
    named: Vec<CertificateDer<'static>>,
}

impl Verifier {
    fn naming(
        named: Vec<CertificateDer<'static>>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, Error> {
        let mut roots = RootCertStore::empty();
        for certificate in &named {
            roots.add(certificate.clone())?;
        }
        let cas =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
                .build()
                .map_err(|error| Error::Other(OtherError(Arc::new(error))))?;
        Ok(Self { cas, named })
    }

    /// Replaces an error by one that says what the operator can do.
    fn explain(refused: Error, certificate: &CertificateDer<'_>) -> Error {
        // A certificate with the same issuer but another key, such as its predecessor, fails by signature.
        let Error::InvalidCertificate(CertificateError::Other(_) | CertificateError::BadSignature) =
            &refused
        else {
            return refused;
        };
        let Ok((_, parsed)) = X509Certificate::from_der(certificate) else {
            return refused;
        };
        if parsed.issuer() == parsed.subject() {
            CertificateError::UnknownIssuer.into()
        } else if parsed.is_ca() {
            CertificateError::Other(OtherError(Arc::new(Refused::AuthorityAsServer))).into()
        } else {
            refused
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified = self
            .cas
            .verify_server_cert(certificate, intermediates, name, ocsp, now);
        match verified {
            Ok(verified) => Ok(verified),
            Err(_) if self.named.contains(certificate) => verify_named(certificate, name, now),
            Err(refused) => Err(Self::explain(refused, certificate)),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.cas
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.cas
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.cas.supported_verify_schemes()
    }
}

/// The server's own certificate, byte for byte: its time and its names are left to check.
fn verify_named(
    certificate: &CertificateDer<'_>,
    name: &ServerName<'_>,
    now: UnixTime,
) -> Result<ServerCertVerified, Error> {
    let (_, parsed) =
        X509Certificate::from_der(certificate).map_err(|_| CertificateError::BadEncoding)?;
    let validity = parsed.validity();
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    if now < validity.not_before.timestamp() {
        return Err(CertificateError::NotValidYet.into());
    }
    if now > validity.not_after.timestamp() {
        return Err(CertificateError::Expired.into());
    }
    verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
    Ok(ServerCertVerified::assertion())
}

#[cfg(test)]
mod tests;
